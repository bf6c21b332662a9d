//! What a query of one tenant found, for people and for programs.

use std::io;

use super::Printed;
use super::json::{self, JsonFields, TenantFields};
use super::page::Page;
use crate::exit::Exit;
use crate::inventory::Trouble;

/// The facts that a query found.
pub(crate) trait QueryFacts: JsonFields {
    /// For people. `of`: where they were found, and the code of the run.
    fn text(&self, of: &QueryOrigin<'_>, page: &mut Page);

    /// What could not be had.
    fn troubles(&self) -> &[Trouble];

    /// What is not well with single artifacts, where JSON says so of each.
    fn failures(&self) -> Vec<&Trouble> {
        Vec::new()
    }
}

/// Where facts were found, and how that ended.
pub struct QueryOrigin<'a> {
    /// The host.
    pub tenant: &'a str,
    /// The tenant was a simulated one.
    pub simulated: bool,
    /// The code of the run.
    pub exit: Exit,
}

/// Facts, and where they were found.
pub struct QueryReport<'a, F> {
    /// Where.
    pub of: QueryOrigin<'a>,
    /// The facts.
    pub facts: &'a F,
}

impl<F: QueryFacts> Printed for QueryReport<'_, F> {
    fn is_simulated(&self) -> bool {
        self.of.simulated
    }

    fn text(&self, page: &mut Page) {
        self.facts.text(&self.of, page);
    }

    fn json(&self) -> io::Result<String> {
        let about = TenantFields {
            tenant: Some(self.of.tenant),
            source: None,
        };
        let troubles = self.facts.troubles().iter();
        let errors = troubles.map(|trouble| &*trouble.message);
        json::object(self.of.simulated, about, self.of.exit, self.facts, errors)
    }
}
