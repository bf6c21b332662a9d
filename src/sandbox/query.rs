//! System query options on lists: `$filter`, `$orderby`, `$top`, `$skip`, `$select`, `$inlinecount`.

use time::PrimitiveDateTime;
use time::format_description::well_known::Iso8601;

use super::answer::Refusal;
use super::entity::{Entity, Page, comparable_date};
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

/// The page of a list that is filtered and sorted already.
pub fn page(
    list: Vec<Entity>,
    query: &Query,
    (documented, page_size): (&Documented, usize),
    address: &str,
) -> Result<Page, Refusal> {
    refuse_unknown(query)?;
    let query = &query.without(documented.ignored);
    let count = counted(query, list.len())?;
    let skipped = number(query, "$skip")?
        .unwrap_or(0)
        .saturating_add(number(query, "$skiptoken")?.unwrap_or(0));
    let wanted = number(query, "$top")?.unwrap_or(usize::MAX);
    let mut entities: Vec<Entity> = list.into_iter().skip(skipped).take(wanted).collect();
    let next = (entities.len() > page_size).then(|| next_address(query, page_size, address));
    entities.truncate(page_size);
    let entities = entities.into_iter().map(|entity| selected(entity, query));
    Ok(Page {
        entities: entities.collect::<Result<_, _>>()?,
        count,
        next,
    })
}

/// What a list is filtered and sorted by. Everything else is refused.
#[derive(Debug)]
pub struct Documented {
    /// Whether conditions are joined by `and`, and alternatives in parentheses; else by `or` alone.
    pub joins_groups: bool,
    /// Options that have no effect.
    pub ignored: &'static [&'static str],
    pub condition: fn(&Condition) -> bool,
    pub order: fn(&str) -> bool,
    pub default_order: &'static str,
}

/// What most lists take.
pub const USUAL: Documented = Documented {
    joins_groups: false,
    ignored: &[],
    condition: |condition| {
        let texts = ["eq", "ne", "substringof", "startswith", "endswith"];
        texts.contains(&condition.operator.as_str())
            && !condition.is_date
            && condition.property != "DeployedOn"
    },
    order: |_| true,
    default_order: "",
};

/// The entities that `$filter` lets through.
pub fn filtered(
    mut list: Vec<Entity>,
    query: &Query,
    documented: &Documented,
) -> Result<Vec<Entity>, Refusal> {
    let Some(filter) = query.get("$filter") else {
        return Ok(list);
    };
    let is_known = |one: &Condition| {
        let mut entities = list.iter();
        (documented.condition)(one)
            && entities.all(|entity| entity.comparable(&one.property).is_some())
    };
    let groups = groups(filter, documented).filter(|groups| groups.iter().flatten().all(is_known));
    let groups = groups.ok_or_else(|| Refusal::bad_request("Invalid filter expression."))?;
    list.retain(|entity| {
        let mut groups = groups.iter();
        groups.all(|group| group.iter().any(|condition| condition.holds(entity)))
    });
    Ok(list)
}

fn refuse_unknown(query: &Query) -> Result<(), Refusal> {
    let is_unknown = |name: &str| name.starts_with('$') && !KNOWN.contains(&name);
    if query.names().any(is_unknown) {
        return Err(Refusal::not_implemented());
    }
    Ok(())
}

fn number(query: &Query, name: &str) -> Result<Option<usize>, Refusal> {
    let value = query.get(name).map(str::parse);
    value.transpose().map_err(|_| invalid(name))
}

fn counted(query: &Query, total: usize) -> Result<Option<usize>, Refusal> {
    match query.get("$inlinecount") {
        None | Some("none") => Ok(None),
        Some("allpages") => Ok(Some(total)),
        Some(_) => Err(invalid("$inlinecount")),
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

/// `$select` on one entity.
pub fn selected(mut entity: Entity, query: &Query) -> Result<Entity, Refusal> {
    refuse_unknown(query)?;
    let Some(wanted) = query.get("$select").filter(|wanted| *wanted != "*") else {
        return Ok(entity);
    };
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
    let known = |name: &&&str| entity.comparable(name).is_some() || entity.links.contains(name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        return Err(no_property(unknown));
    }
    entity.links.retain(|name| wanted.contains(name));
    Ok(entity.keep(|name| wanted.contains(&name)))
}

fn no_property(name: &str) -> Refusal {
    Refusal::bad_request(format!("Could not find property with name: '{name}'."))
}

/// Sorts by `$orderby`.
pub fn sort(list: &mut [Entity], query: &Query, documented: &Documented) -> Result<(), Refusal> {
    let orders = query.get("$orderby").unwrap_or(documented.default_order);
    if !(documented.order)(orders) {
        return Err(Refusal::bad_request(
            "Sorting by this property is not supported.",
        ));
    }
    // the last criterion first: sorting is stable
    for order in orders.split_terminator(',').rev() {
        let mut words = order.split_whitespace();
        let name = words.next().unwrap_or_default();
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => return Err(invalid("$orderby")),
        };
        if list.iter().any(|entity| entity.comparable(name).is_none()) {
            return Err(no_property(name));
        }
        list.sort_by(|one, other| {
            let order = one.comparable(name).cmp(&other.comparable(name));
            if descending { order.reverse() } else { order }
        });
    }
    Ok(())
}

fn invalid(option: &str) -> Refusal {
    Refusal::bad_request(format!("Invalid value for the query option {option}."))
}

/// One condition of a filter.
#[derive(Debug, PartialEq)]
pub struct Condition {
    pub property: String,
    pub operator: String,
    value: String,
    /// Whether the value is written as a date.
    pub is_date: bool,
}

impl Condition {
    fn holds(&self, entity: &Entity) -> bool {
        let (actual, value) = (
            entity.comparable(&self.property).unwrap_or_default(),
            &self.value,
        );
        match self.operator.as_str() {
            "eq" => actual == *value,
            "ne" => actual != *value,
            "substringof" => actual.contains(value),
            "startswith" => actual.starts_with(value),
            "endswith" => actual.ends_with(value),
            // a date that is not there is neither before nor after
            _ if actual.is_empty() => false,
            "gt" => actual > *value,
            "ge" => actual >= *value,
            "lt" => actual < *value,
            "le" => actual <= *value,
            _ => false,
        }
    }
}

/// Conditions that must all hold, each one a group of which one is enough.
fn groups(mut text: &str, documented: &Documented) -> Option<Vec<Vec<Condition>>> {
    if !documented.joins_groups {
        let (group, rest) = alternatives(text)?;
        return rest.is_empty().then(|| vec![group]);
    }
    let mut groups = Vec::new();
    loop {
        let (group, rest) = match text.trim().strip_prefix('(') {
            Some(inside) => {
                let (group, rest) = alternatives(inside)?;
                (group, rest.strip_prefix(')')?.trim())
            }
            None => {
                let (condition, rest) = condition(text.trim())?;
                (vec![condition], rest.trim())
            }
        };
        groups.push(group);
        if rest.is_empty() {
            return Some(groups);
        }
        text = rest.strip_prefix("and ")?;
    }
}

/// Conditions joined by `or`, and what follows.
fn alternatives(mut text: &str) -> Option<(Vec<Condition>, &str)> {
    let mut conditions = Vec::new();
    loop {
        let (condition, rest) = condition(text.trim())?;
        conditions.push(condition);
        match rest.trim().strip_prefix("or ") {
            Some(more) => text = more,
            None => return Some((conditions, rest.trim())),
        }
    }
}

fn condition(text: &str) -> Option<(Condition, &str)> {
    function(text).or_else(|| comparison(text))
}

fn comparison(text: &str) -> Option<(Condition, &str)> {
    let (property, rest) = text.split_once(' ')?;
    let (operator, rest) = rest.trim_start().split_once(' ')?;
    let rest = rest.trim_start();
    let date = rest.strip_prefix("datetime");
    let (value, rest) = literal(date.unwrap_or(rest))?;
    let condition = Condition {
        // deprecated, and mapped to the artifact's id
        property: property.replace("IntegrationFlowName", "IntegrationArtifact/Id"),
        operator: operator.to_owned(),
        value: match date {
            Some(_) => comparable_date(millis(&value)?),
            None => value,
        },
        is_date: date.is_some(),
    };
    Some((condition, rest))
}

/// Milliseconds since 1970; dates are UTC and have no zone. One with a Z is taken for one in a zone that is so far ahead.
fn millis(text: &str) -> Option<i64> {
    const ZONE: i64 = 2 * 3600 * 1000;
    let date = PrimitiveDateTime::parse(text.trim_end_matches('Z'), &Iso8601::DATE_TIME).ok()?;
    let millis = i64::try_from(date.assume_utc().unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(millis + if text.ends_with('Z') { ZONE } else { 0 })
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
    let condition = Condition {
        property: property.trim().to_owned(),
        operator: name.to_owned(),
        value,
        is_date: false,
    };
    let rest = rest.trim_start();
    Some((condition, rest.strip_prefix("eq true").unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::super::model::TASKS;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn list() -> Vec<Entity> {
        let entity = |id: &str, status: &str| TASKS.entity(&json!([id, status]));
        vec![
            entity("b", "STARTED"),
            entity("a", "ERROR"),
            entity("c", "STARTED"),
        ]
    }

    fn paged(options: &str) -> Result<Page, Refusal> {
        let query = Query::parse(options).unwrap();
        let mut list = filtered(list(), &query, &USUAL)?;
        sort(&mut list, &query, &USUAL)?;
        page(list, &query, (&USUAL, 2), "http://h/S")
    }

    fn ids(options: &str) -> Result<String, u16> {
        let page = paged(options).map_err(|refusal| refusal.status)?;
        let ids = page.entities.iter();
        Ok(ids.map(|one| one.comparable("TaskId").unwrap()).collect())
    }

    #[test]
    fn options_choose_and_order() {
        let cases = [
            ("", Ok("ba")),
            ("$filter=Status eq 'ERROR'", Ok("a")),
            (
                "$filter=Status%20eq%20'ERROR'%20or%20TaskId%20eq%20'c'",
                Ok("ac"),
            ),
            ("$filter=startswith(TaskId,'c') eq true", Ok("c")),
            ("$filter=substringof('ERR',Status)", Ok("a")),
            ("$filter=Status ne 'STARTED'", Ok("a")),
            ("$orderby=TaskId desc&$top=1", Ok("c")),
            ("$orderby=Status,TaskId desc&$skip=1", Ok("cb")),
            ("$skip=2", Ok("c")),
            ("$filter=Status gt 'A'", Err(400)),
            ("$filter=Nope eq 'A'", Err(400)),
            ("$filter=Status eq 'A' and TaskId eq 'b'", Err(400)),
            ("$top=x", Err(400)),
            ("$apply=x", Err(501)),
        ];
        for (options, expected) in cases {
            assert_eq!(ids(options), expected.map(str::to_owned), "{options}");
        }
    }

    #[test]
    fn long_lists_come_in_pages() {
        let first = paged("$inlinecount=allpages&$filter=TaskId ne ''").unwrap();
        assert_eq!((first.entities.len(), first.count), (2, Some(3)));
        let next = first.next.unwrap();
        assert_eq!(
            next,
            "http://h/S?$skiptoken=2&$inlinecount=allpages&$filter=TaskId%20ne%20%27%27"
        );
        let second = paged(next.split_once('?').unwrap().1).unwrap();
        assert_eq!((second.entities.len(), second.next), (1, None));
    }

    proptest! {
        #[test]
        fn arbitrary_filters_never_panic(text in ".*") {
            let _ = groups(&text, &USUAL);
        }
    }
}
