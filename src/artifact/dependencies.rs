//! Which artifacts of a set need which others of it: the order in which they can be deployed.

use std::collections::{BTreeMap, BTreeSet};

use super::ArtifactKind;
use super::references::{References, Requirement};

/// What one artifact of a set needs. Artifacts are named by their position in the set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// The artifacts of the set that it needs, ascending. Where several provide a name, all of them.
    pub on: Vec<usize>,
    /// What it needs and the set does not hold.
    pub missing: Vec<Requirement>,
}

/// How the artifacts of a set depend on each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dependencies {
    /// For each artifact of the set what it needs.
    pub needs: Vec<Needs>,
    /// Artifacts that need each other in a circle, ascending within each circle. No order puts them right.
    pub circles: Vec<Vec<usize>>,
    ranks: Vec<u8>,
}

/// Finds out who needs whom. A requirement means the artifacts of its type that provide the name or, where none does,
/// the artifact of its type with this id (a provided name may differ from the id, cpi-api.md §11.2).
pub fn dependencies(all: &[&References]) -> Dependencies {
    let needs: Vec<Needs> = (0..all.len()).map(|of| needs(all, of)).collect();
    Dependencies {
        circles: circles(&needs),
        needs,
        ranks: all.iter().map(|one| rank(one.kind)).collect(),
    }
}

fn needs(all: &[&References], of: usize) -> Needs {
    let mut on = BTreeSet::new();
    let mut missing = Vec::new();
    for requirement in &all[of].requires {
        let providers = providers(all, requirement);
        if providers.is_empty() {
            missing.push(requirement.clone());
        }
        on.extend(providers);
    }
    // what an artifact provides to itself is there when it is there
    on.remove(&of);
    Needs {
        on: on.into_iter().collect(),
        missing,
    }
}

fn providers(all: &[&References], requirement: &Requirement) -> Vec<usize> {
    let which = |is_meant: &dyn Fn(&References) -> bool| -> Vec<usize> {
        let members = all.iter().enumerate();
        members
            .filter(|(_, one)| is_meant(one))
            .map(|(position, _)| position)
            .collect()
    };
    let by_name = which(&|one| one.provide(requirement));
    if by_name.is_empty() {
        which(&|one| one.kind == requirement.kind && one.id == requirement.name)
    } else {
        by_name
    }
}

/// Where nothing is known of a dependency, what others can use comes first.
fn rank(kind: ArtifactKind) -> u8 {
    match kind {
        ArtifactKind::ValueMapping => 0,
        ArtifactKind::ScriptCollection => 1,
        ArtifactKind::MessageMapping => 2,
        ArtifactKind::IntegrationFlow => 3,
    }
}

impl Dependencies {
    /// Every artifact of the set once, each after all that it needs: value mappings first, then script collections,
    /// message mappings, flows; otherwise in the order of the set. Members of a circle come as if they did not need
    /// each other.
    pub fn order(&self) -> Vec<usize> {
        let circle_of = self.circle_of();
        let in_same_circle = |one: usize, other: usize| {
            circle_of.contains_key(&one) && circle_of.get(&one) == circle_of.get(&other)
        };
        let mut order = Vec::with_capacity(self.needs.len());
        let mut placed = vec![false; self.needs.len()];
        let mut waiting: Vec<usize> = (0..self.needs.len()).collect();
        waiting.sort_by_key(|position| self.ranks[*position]);
        while !waiting.is_empty() {
            let ready = waiting.iter().position(|&one| {
                let mut on = self.needs[one].on.iter();
                on.all(|&other| placed[other] || in_same_circle(one, other))
            });
            // without the edges inside of circles something is always ready
            let next = waiting.remove(ready.unwrap_or(0));
            placed[next] = true;
            order.push(next);
        }
        order
    }

    fn circle_of(&self) -> BTreeMap<usize, usize> {
        let circles = self.circles.iter().enumerate();
        circles
            .flat_map(|(circle, members)| members.iter().map(move |member| (*member, circle)))
            .collect()
    }
}

/// Artifacts are in one circle when each needs the other, directly or over others.
fn circles(needs: &[Needs]) -> Vec<Vec<usize>> {
    let reached: Vec<BTreeSet<usize>> = (0..needs.len()).map(|one| reachable(needs, one)).collect();
    let mut circles: Vec<Vec<usize>> = Vec::new();
    for one in 0..needs.len() {
        let others = reached[one].iter().copied();
        let members: Vec<usize> = others
            .filter(|other| reached[*other].contains(&one))
            .collect();
        // each circle is met at its first member
        if members.first() == Some(&one) {
            circles.push(members);
        }
    }
    circles
}

fn reachable(needs: &[Needs], start: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![start];
    while let Some(one) = pending.pop() {
        let new = needs[one].on.iter().filter(|other| reached.insert(**other));
        pending.extend(new);
    }
    reached
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::artifact::FilePlace;
    use crate::artifact::manifest::Capability;

    fn artifact(
        kind: ArtifactKind,
        id: &str,
        provides: &[&str],
        requires: &[(ArtifactKind, &str)],
    ) -> References {
        let namespace = if kind == MessageMapping {
            "messagemapping"
        } else {
            "scriptcollection"
        };
        References {
            id: id.to_owned(),
            kind,
            provides: provides
                .iter()
                .map(|name| Capability {
                    namespace: namespace.to_owned(),
                    name: (*name).to_owned(),
                })
                .collect(),
            requires: requires
                .iter()
                .map(|(kind, name)| Requirement {
                    kind: *kind,
                    name: (*name).to_owned(),
                    place: FilePlace {
                        path: "flow".to_owned(),
                        line: 1,
                    },
                    optional: false,
                })
                .collect(),
            others: Vec::new(),
        }
    }

    use ArtifactKind::{IntegrationFlow, MessageMapping, ScriptCollection, ValueMapping};

    fn of(all: &[References]) -> Dependencies {
        dependencies(&all.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_requirement_means_who_provides_the_name_and_only_then_who_has_the_id() {
        let all = [
            artifact(
                IntegrationFlow,
                "F",
                &[],
                &[(MessageMapping, "Supplier"), (MessageMapping, "MM_Other")],
            ),
            artifact(MessageMapping, "MM_Supplier", &["Supplier"], &[]),
            artifact(MessageMapping, "Supplier", &["Something"], &[]),
            artifact(MessageMapping, "MM_Other", &["Other"], &[]),
            artifact(ScriptCollection, "Supplier", &["Supplier"], &[]),
        ];
        assert_eq!(of(&all).needs[0].on, [1, 3]);
        assert_eq!(of(&all).needs[0].missing, []);
    }

    #[test]
    fn what_the_set_does_not_hold_is_missing() {
        let all = [
            artifact(
                IntegrationFlow,
                "F",
                &[],
                &[(ScriptCollection, "S"), (MessageMapping, "F")],
            ),
            artifact(IntegrationFlow, "S", &[], &[]),
        ];
        let needs = &of(&all).needs[0];
        assert!(needs.on.is_empty());
        let missing: Vec<_> = needs.missing.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(missing, ["S", "F"]);
    }

    #[test]
    fn the_order_puts_what_is_needed_first_and_keeps_the_rest_as_it_was() {
        let all = [
            artifact(IntegrationFlow, "F2", &[], &[(MessageMapping, "M")]),
            artifact(IntegrationFlow, "F1", &[], &[]),
            artifact(MessageMapping, "M", &["M"], &[(ScriptCollection, "S2")]),
            artifact(ScriptCollection, "S1", &["S1"], &[]),
            artifact(ScriptCollection, "S2", &["S2"], &[(MessageMapping, "M0")]),
            artifact(MessageMapping, "M0", &["M0"], &[]),
            artifact(ValueMapping, "V", &[], &[]),
        ];
        let dependencies = of(&all);
        assert_eq!(dependencies.order(), [6, 3, 5, 4, 2, 0, 1]);
        assert_eq!(dependencies.circles, Vec::<Vec<usize>>::new());
    }

    #[test]
    fn circles_are_named_and_nothing_hangs() {
        let all = [
            artifact(ScriptCollection, "A", &["A"], &[(ScriptCollection, "B")]),
            artifact(
                ScriptCollection,
                "B",
                &["B"],
                &[(ScriptCollection, "C"), (ScriptCollection, "A")],
            ),
            artifact(ScriptCollection, "C", &["C"], &[]),
            artifact(
                ScriptCollection,
                "D",
                &["D"],
                &[(ScriptCollection, "E"), (ScriptCollection, "A")],
            ),
            artifact(ScriptCollection, "E", &["E"], &[(ScriptCollection, "D")]),
            artifact(
                IntegrationFlow,
                "F",
                &[],
                &[(ScriptCollection, "A"), (ScriptCollection, "D")],
            ),
            artifact(
                ScriptCollection,
                "Self",
                &["Self"],
                &[(ScriptCollection, "Self")],
            ),
        ];
        let dependencies = of(&all);
        assert_eq!(dependencies.circles, [vec![0, 1], vec![3, 4]]);
        assert_eq!(dependencies.order(), [0, 2, 1, 3, 4, 6, 5]);
    }

    proptest! {
        #[test]
        fn every_artifact_is_ordered_once_and_after_what_it_needs(
            edges in proptest::collection::vec((0..12_usize, 0..12_usize), 0..40)
        ) {
            let names: Vec<String> = (0..12).map(|number| number.to_string()).collect();
            let all: Vec<References> = (0..12).map(|one| {
                let requires: Vec<_> = edges.iter()
                    .filter(|(from, _)| *from == one)
                    .map(|(_, to)| (ScriptCollection, names[*to].as_str()))
                    .collect();
                artifact(ScriptCollection, &names[one], &[&names[one]], &requires)
            }).collect();
            let dependencies = of(&all);
            let order = dependencies.order();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..12).collect::<Vec<_>>());
            let at = |one: usize| order.iter().position(|other| *other == one).unwrap();
            let circle = |one: usize| dependencies.circles.iter().position(|members| members.contains(&one));
            for (one, needs) in dependencies.needs.iter().enumerate() {
                for &other in &needs.on {
                    let together = circle(one).is_some() && circle(one) == circle(other);
                    prop_assert!(together || at(other) < at(one), "{} needs {}: {:?}", one, other, order);
                }
            }
        }
    }
}
