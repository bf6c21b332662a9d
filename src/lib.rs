//! flowship deploys SAP Cloud Integration artifacts and says truthfully whether they run.

pub mod artifact;
pub mod http;
pub mod sandbox;
pub mod settings;
