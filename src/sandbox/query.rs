//! System query options on lists: `$filter`, `$orderby`, `$top`, `$skip`, `$select`, `$inlinecount`.

use super::answer::Refusal;
use super::entity::{Entity, Page};
use super::path::{Query, encode, literal};

const KNOWN: &[&str] = &[
    "$filter",
    "$orderby",
    "$top",
    "$skip",
    "$skiptoken",
    "$select",
    "$inlinecount",
    "$format",
    "$expand",
];

/// Applies the options of a request to a list.
pub(super) fn page(
    list: Vec<Entity>,
    query: &Query,
    page_size: usize,
    address: &str,
) -> Result<Page, Refusal> {
    refuse_unknown(query)?;
    let mut list = filtered(list, query)?;
    sort(&mut list, query)?;
    page_of(list, query, page_size, address)
}

/// The same for a list that is filtered and sorted already.
pub(super) fn page_of(
    list: Vec<Entity>,
    query: &Query,
    page_size: usize,
    address: &str,
) -> Result<Page, Refusal> {
    refuse_unknown(query)?;
    let count = counted(query, list.len())?;
    let skipped = number(query, "$skip")?
        .unwrap_or(0)
        .saturating_add(number(query, "$skiptoken")?.unwrap_or(0));
    let wanted = number(query, "$top")?.unwrap_or(usize::MAX);
    let mut entities: Vec<Entity> = list.into_iter().skip(skipped).take(wanted).collect();
    let next = (entities.len() > page_size).then(|| next_address(query, page_size, address));
    entities.truncate(page_size);
    select(&mut entities, query)?;
    Ok(Page {
        entities,
        count,
        next,
    })
}

/// The filtered list's size, for `$count`.
pub(super) fn count(list: Vec<Entity>, query: &Query) -> Result<usize, Refusal> {
    filtered(list, query).map(|list| list.len())
}

fn refuse_unknown(query: &Query) -> Result<(), Refusal> {
    match query
        .names()
        .find(|name| name.starts_with('$') && !KNOWN.contains(name))
    {
        Some(_) => Err(Refusal::not_implemented()),
        None => Ok(()),
    }
}

fn number(query: &Query, name: &str) -> Result<Option<usize>, Refusal> {
    let invalid = || Refusal::bad_request(format!("Invalid value for the query option {name}."));
    query
        .get(name)
        .map(|value| value.parse().map_err(|_| invalid()))
        .transpose()
}

fn counted(query: &Query, total: usize) -> Result<Option<usize>, Refusal> {
    match query.get("$inlinecount") {
        None | Some("none") => Ok(None),
        Some("allpages") => Ok(Some(total)),
        Some(_) => Err(Refusal::bad_request(
            "Invalid value for the query option $inlinecount.",
        )),
    }
}

/// The remaining rows, with the caller's other options; `$top` shrinks by what was already given.
fn next_address(query: &Query, page_size: usize, address: &str) -> String {
    let token = query
        .get("$skiptoken")
        .and_then(|token| token.parse::<usize>().ok())
        .unwrap_or(0);
    let mut options = vec![format!("$skiptoken={}", token + page_size)];
    for name in query.names().filter(|name| *name != "$skiptoken") {
        let value = query.get(name).unwrap_or_default();
        let left = value
            .parse::<usize>()
            .map(|top| top.saturating_sub(page_size).to_string());
        let value = if name == "$top" {
            left.unwrap_or_default()
        } else {
            encode(value)
        };
        options.push(format!("{name}={value}"));
    }
    format!("{address}?{}", options.join("&"))
}

fn select(entities: &mut [Entity], query: &Query) -> Result<(), Refusal> {
    let Some(wanted) = query.get("$select").filter(|wanted| *wanted != "*") else {
        return Ok(());
    };
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
    for entity in entities {
        let known = |name: &&str| entity.property(name).is_some() || entity.links.contains(name);
        if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
            return Err(Refusal::bad_request(format!(
                "Could not find property with name: '{unknown}'."
            )));
        }
        entity.properties.retain(|(name, _)| wanted.contains(name));
        entity.links.retain(|name| wanted.contains(name));
    }
    Ok(())
}

/// `$select` on a single entity.
pub(super) fn selected(entity: Entity, query: &Query) -> Result<Entity, Refusal> {
    refuse_unknown(query)?;
    let mut one = [entity];
    select(&mut one, query)?;
    let [entity] = one;
    Ok(entity)
}

fn sort(list: &mut [Entity], query: &Query) -> Result<(), Refusal> {
    let Some(orders) = query.get("$orderby") else {
        return Ok(());
    };
    // the last criterion first: sorting is stable
    for order in orders.split(',').rev() {
        let mut words = order.split_whitespace();
        let name = words.next().unwrap_or_default();
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => {
                return Err(Refusal::bad_request(
                    "Invalid value for the query option $orderby.",
                ));
            }
        };
        if list.iter().any(|entity| entity.property(name).is_none()) {
            return Err(Refusal::bad_request(format!(
                "Could not find property with name: '{name}'."
            )));
        }
        list.sort_by(|one, other| {
            let order = comparable(one, name).cmp(&comparable(other, name));
            if descending { order.reverse() } else { order }
        });
    }
    Ok(())
}

fn comparable(entity: &Entity, name: &str) -> Option<String> {
    entity
        .property(name)
        .map(super::entity::Property::comparable)
}

fn filtered(mut list: Vec<Entity>, query: &Query) -> Result<Vec<Entity>, Refusal> {
    let Some(filter) = query.get("$filter") else {
        return Ok(list);
    };
    let invalid = || Refusal::bad_request("Invalid filter expression.");
    let conditions = conditions(filter).ok_or_else(invalid)?;
    let unknown = |condition: &Condition| {
        list.iter()
            .any(|entity| entity.property(&condition.property).is_none())
    };
    if conditions
        .iter()
        .any(|condition| condition.property == "DeployedOn" || unknown(condition))
    {
        return Err(invalid());
    }
    list.retain(|entity| conditions.iter().any(|condition| condition.holds(entity)));
    Ok(list)
}

struct Condition {
    property: String,
    test: Test,
    value: String,
}

enum Test {
    Equal,
    Different,
    Contains,
    StartsWith,
    EndsWith,
}

impl Condition {
    fn holds(&self, entity: &Entity) -> bool {
        let Some(actual) = comparable(entity, &self.property) else {
            return false;
        };
        match self.test {
            Test::Equal => actual == self.value,
            Test::Different => actual != self.value,
            Test::Contains => actual.contains(&self.value),
            Test::StartsWith => actual.starts_with(&self.value),
            Test::EndsWith => actual.ends_with(&self.value),
        }
    }
}

/// Only `or`, no nesting: that is what the API documents.
fn conditions(mut text: &str) -> Option<Vec<Condition>> {
    let mut conditions = Vec::new();
    loop {
        let (condition, rest) = condition(text.trim())?;
        conditions.push(condition);
        match rest.trim() {
            "" => return Some(conditions),
            rest => text = rest.strip_prefix("or ")?,
        }
    }
}

fn condition(text: &str) -> Option<(Condition, &str)> {
    function(text).or_else(|| comparison(text))
}

fn comparison(text: &str) -> Option<(Condition, &str)> {
    let (property, rest) = text.split_once(' ')?;
    let (operator, rest) = rest.trim_start().split_once(' ')?;
    let relation = match operator {
        "eq" => Test::Equal,
        "ne" => Test::Different,
        _ => return None,
    };
    let (value, rest) = literal(rest.trim_start())?;
    Some((
        Condition {
            property: property.to_owned(),
            test: relation,
            value,
        },
        rest,
    ))
}

fn function(text: &str) -> Option<(Condition, &str)> {
    let (name, rest) = text.split_once('(')?;
    let (property, value, rest) = match name {
        // the literal comes first in this one
        "substringof" => {
            let (value, rest) = literal(rest.trim_start())?;
            let (property, rest) = rest.trim_start().strip_prefix(',')?.split_once(')')?;
            (property, value, rest)
        }
        "startswith" | "endswith" => {
            let (property, rest) = rest.split_once(',')?;
            let (value, rest) = literal(rest.trim_start())?;
            (property, value, rest.trim_start().strip_prefix(')')?)
        }
        _ => return None,
    };
    let relation = match name {
        "substringof" => Test::Contains,
        "startswith" => Test::StartsWith,
        _ => Test::EndsWith,
    };
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("eq true").unwrap_or(rest);
    Some((
        Condition {
            property: property.trim().to_owned(),
            test: relation,
            value,
        },
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::entity::Property;
    use super::*;
    use proptest::prelude::*;

    fn list() -> Vec<Entity> {
        let entity = |id: &str, status: &str| Entity {
            set: "S",
            kind: "K",
            key: format!("'{id}'"),
            properties: vec![
                ("Id", Property::text(id)),
                ("Status", Property::text(status)),
            ],
            links: Vec::new(),
            expanded: Vec::new(),
            media: false,
        };
        vec![
            entity("b", "STARTED"),
            entity("a", "ERROR"),
            entity("c", "STARTED"),
        ]
    }

    fn ids(options: &str) -> Result<String, u16> {
        let page = page(list(), &Query::parse(options).unwrap(), 2, "http://h/S")
            .map_err(|refusal| refusal.status)?;
        Ok(page
            .entities
            .iter()
            .map(|entity| comparable(entity, "Id").unwrap())
            .collect())
    }

    #[test]
    fn options_choose_and_order() {
        let cases = [
            ("", Ok("ba")),
            ("$filter=Status eq 'ERROR'", Ok("a")),
            (
                "$filter=Status%20eq%20'ERROR'%20or%20Id%20eq%20'c'",
                Ok("ac"),
            ),
            ("$filter=startswith(Id,'c') eq true", Ok("c")),
            ("$filter=substringof('ERR',Status)", Ok("a")),
            ("$filter=Status ne 'STARTED'", Ok("a")),
            ("$orderby=Id desc&$top=1", Ok("c")),
            ("$orderby=Status,Id desc&$skip=1", Ok("cb")),
            ("$skip=2", Ok("c")),
            ("$filter=Status gt 'A'", Err(400)),
            ("$filter=Nope eq 'A'", Err(400)),
            ("$filter=Status eq 'A' and Id eq 'b'", Err(400)),
            ("$top=x", Err(400)),
            ("$apply=x", Err(501)),
        ];
        for (options, expected) in cases {
            assert_eq!(ids(options), expected.map(str::to_owned), "{options}");
        }
    }

    #[test]
    fn long_lists_come_in_pages() {
        let options = Query::parse("$inlinecount=allpages&$filter=Id ne ''").unwrap();
        let first = page(list(), &options, 2, "http://h/S").unwrap();
        assert_eq!((first.entities.len(), first.count), (2, Some(3)));
        let next = first.next.unwrap();
        assert_eq!(
            next,
            "http://h/S?$skiptoken=2&$inlinecount=allpages&$filter=Id%20ne%20%27%27"
        );
        let options = Query::parse(next.split_once('?').unwrap().1).unwrap();
        let second = page(list(), &options, 2, "http://h/S").unwrap();
        assert_eq!((second.entities.len(), second.next), (1, None));
    }

    proptest! {
        #[test]
        fn arbitrary_filters_never_panic(text in ".*") {
            let _ = conditions(&text);
        }
    }
}
