//! The process edge: real arguments, environment and streams in, exit code out.

fn main() {}
