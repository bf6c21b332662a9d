//! How to mend what an examination finds: in clicks, and as text to paste.

use super::finding::Fix;
use super::uses::Use;
use crate::tenant::roles::Role;

/// The name of a new instance.
const NEW: &str = "flowship";
/// What stands for the name of the instance that the key is of, and for the subaccount where it is not known.
const INSTANCE: &str = "MY_INSTANCE";
const SUBACCOUNT: &str = "SUBACCOUNT_ID";

const WITHOUT_CF: &str = "btp (an instance outside Cloud Foundry)";

/// How long a changed role takes (cpi-api.md §1.1).
pub const ROLES_EFFECTIVE: &str = "SAP takes up to an hour to consider changed roles; each run of flowship fetches a new token, so the key itself stays as it is";
/// A new key.
pub const KEY_EFFECTIVE: &str = "at once";

fn paste(label: &'static str, text: impl Into<String>) -> Fix {
    Fix::Paste {
        label,
        text: text.into(),
    }
}

/// From nothing to a key for this use.
pub fn create_key(wanted: Use) -> Vec<Fix> {
    let parameters = wanted.instance_parameters(&[]);
    let mut fixes = vec![
        Fix::Do("BTP cockpit > the subaccount of the tenant > Services > Service Marketplace > SAP Process Integration Runtime > Create: plan api (not integration-flow); on the next page paste the parameters; then Instances and Subscriptions > the instance > ... > Create Service Key, and copy its JSON into the variable CPI_SERVICE_KEY".to_owned()),
        paste("instance parameters", parameters.clone()),
        paste("cf", format!("cf create-service it-rt api {NEW} --wait -c '{parameters}'")),
    ];
    fixes.extend(key_of(NEW, ""));
    fixes.push(paste(
        WITHOUT_CF,
        format!("btp create services/instance --subaccount {SUBACCOUNT} --name {NEW} --offering-name it-rt --plan-name api --parameters '{parameters}'"),
    ));
    fixes.push(binding_of(NEW, ""));
    fixes
}

/// A new key of the instance that there is.
pub fn new_key() -> Vec<Fix> {
    let mut fixes = vec![Fix::Do(format!(
        "BTP cockpit > the subaccount > Instances and Subscriptions > the instance of Process Integration Runtime > ... > Create Service Key. Below, {INSTANCE} stands for the name of the instance (`cf services` lists them), {SUBACCOUNT} for the id of the subaccount; where a key flowship-key exists already, take another name"
    ))];
    fixes.extend(key_of(INSTANCE, ""));
    fixes.push(binding_of(INSTANCE, ""));
    fixes
}

/// `more`: further arguments of the command that creates the key.
fn key_of(instance: &str, more: &str) -> [Fix; 2] {
    let create = format!("cf create-service-key {instance} flowship-key{more}");
    let show = format!("cf service-key {instance} flowship-key");
    [paste("cf", create), paste("cf", show)]
}

fn binding_of(instance: &str, more: &str) -> Fix {
    paste(
        WITHOUT_CF,
        format!(
            "btp create services/binding --subaccount {SUBACCOUNT} --name flowship-key --instance-name {instance}{more}"
        ),
    )
}

/// Roles for an instance that there is; those that it holds stay.
pub fn add_roles(wanted: Use, held: &[Role], subaccount: Option<&str>) -> Vec<Fix> {
    let parameters = wanted.instance_parameters(held);
    let subaccount = subaccount.unwrap_or(SUBACCOUNT);
    vec![
        Fix::Do(format!(
            "BTP cockpit > the subaccount > Instances and Subscriptions > the instance of Process Integration Runtime that the key is of > ... > Update: choose the roles {}, or paste the parameters; where roles cannot be changed, create a new instance with them, and a key for it. Below, {INSTANCE} stands for the name of the instance (`cf services` lists them)",
            names(wanted.roles())
        )),
        paste("instance parameters", parameters.clone()),
        paste(
            "cf",
            format!("cf update-service {INSTANCE} -c '{parameters}'"),
        ),
        paste(
            WITHOUT_CF,
            format!(
                "btp update services/instance --subaccount {subaccount} --name {INSTANCE} --parameters '{parameters}'"
            ),
        ),
    ]
}

/// Roles on the older Neo landscape, where they belong to the client's own user (cpi-api.md §1.2).
pub fn add_roles_on_neo(missing: &[Role]) -> Vec<Fix> {
    vec![Fix::Do(format!(
        "Neo cockpit > the subaccount > Security > Authorizations: user oauth_client_<client id>, application of the tenant (...tmn): assign {}",
        names_on_neo(missing)
    ))]
}

/// A client on Neo.
pub fn client_on_neo() -> Vec<Fix> {
    vec![Fix::Do("Neo cockpit > the subaccount > Security > OAuth > Clients > Register New Client: subscription of the tenant (...tmn), authorization grant Client Credentials; its id and secret go into CPI_CLIENT_ID and CPI_CLIENT_SECRET, the token endpoint of the page Branding into CPI_TOKEN_URL".to_owned())]
}

/// A new certificate for an instance that there is.
pub fn new_certificate() -> Vec<Fix> {
    let parameters = "{\"key-type\":\"certificate\",\"validity\":365,\"key-length\":2048}";
    let mut fixes = vec![
        Fix::Do("create a new key of type certificate, at most 365 days long, and delete the old one when the new one is in use".to_owned()),
        paste("key parameters", parameters),
    ];
    fixes.extend(key_of(INSTANCE, &format!(" -c '{parameters}'")));
    fixes.push(binding_of(
        INSTANCE,
        &format!(" --parameters '{parameters}'"),
    ));
    fixes
}

/// Roles of a person.
pub fn add_roles_to_user(missing: &[Role]) -> Vec<Fix> {
    vec![Fix::Do(format!(
        "BTP cockpit > the subaccount > Security > Users > the user > Assign Role Collection: one with {}; a service key of plan api is the better way for pipelines",
        names(missing)
    ))]
}

/// A certificate that re-signs connections.
pub fn trust(host: &str, proxy: Option<&str>) -> Vec<Fix> {
    let through = proxy.map_or(String::new(), |proxy| format!(" -proxy {proxy}"));
    vec![
        Fix::Do("ask your company's IT for the certificate of the authority named above (PEM), store it beside the pipeline, and let CPI_CA_FILE name the file: it is added to what is trusted (SSL_CERT_FILE would replace the machine's list)".to_owned()),
        paste("see what is shown", format!("openssl s_client -showcerts -connect {host}:443{through} </dev/null")),
        paste("then", "export CPI_CA_FILE=/path/to/company-ca.pem"),
    ]
}

/// Names, as people read them.
pub fn names(roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    names.join(", ")
}

/// The same on Neo.
pub fn names_on_neo(roles: &[Role]) -> String {
    let names = roles.iter().flat_map(|role| role.older_names());
    names.copied().collect::<Vec<&str>>().join(", ")
}
