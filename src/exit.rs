//! The exit codes: what a pipeline branches on. The numbers are a contract (README, "Exit codes").

/// Why the process ends, as the number that the calling pipeline sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// What was asked for is so.
    Ok,
    /// The tenant decided: a build or start failed, a write was refused, somebody else was quicker.
    Failed,
    /// A bad option, variable or settings file; nothing was sent.
    Usage,
    /// The artifact itself is not valid; nothing was sent.
    Artifact,
    /// 401 or 403: credentials, plan or role.
    Refused,
    /// DNS, TLS, connection, 5xx or 429 after all retries, before a deployment was accepted.
    Unreachable,
    /// An answer that makes no sense; never a success.
    Protocol,
    /// The deadline, or contact lost, after a deployment was or may have been accepted.
    Undecided,
    /// What was taken away could not be put back: a person is needed.
    Worse,
    /// `plan --fail-on-changes`: something would be done.
    Changes,
    /// The tenant's own passing fault ended a deployment.
    Transient,
    /// Ended by Ctrl-C.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Exit {
    /// Every code, in the order of the README's table.
    pub const ALL: [Exit; 13] = [
        Exit::Ok,
        Exit::Failed,
        Exit::Usage,
        Exit::Artifact,
        Exit::Refused,
        Exit::Unreachable,
        Exit::Protocol,
        Exit::Undecided,
        Exit::Worse,
        Exit::Changes,
        Exit::Transient,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// The code for a run that a signal ended; `None` for 0, which is no signal.
    pub fn of_signal(number: usize) -> Option<Self> {
        match number {
            0 => None,
            2 => Some(Exit::Interrupted),
            _ => Some(Exit::Terminated),
        }
    }

    /// The number given to the operating system.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Artifact => 3,
            Exit::Refused => 4,
            Exit::Unreachable => 5,
            Exit::Protocol => 6,
            Exit::Undecided => 7,
            Exit::Worse => 8,
            Exit::Changes => 9,
            Exit::Transient => 11,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// The word for the code, as in the README's table.
    pub fn name(self) -> &'static str {
        match self {
            Exit::Ok => "ok",
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::Artifact => "artifact",
            Exit::Refused => "refused",
            Exit::Unreachable => "unreachable",
            Exit::Protocol => "protocol",
            Exit::Undecided => "undecided",
            Exit::Worse => "worse",
            Exit::Changes => "changes",
            Exit::Transient => "transient",
            Exit::Interrupted | Exit::Terminated => "interrupted",
        }
    }

    /// How bad a result is beside those of other artifacts of the same run; larger is worse.
    fn severity(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Transient => 1,
            Exit::Undecided => 2,
            Exit::Unreachable => 3,
            Exit::Protocol => 4,
            Exit::Artifact => 5,
            Exit::Refused => 6,
            Exit::Failed => 7,
            Exit::Worse => 8,
            Exit::Usage | Exit::Changes | Exit::Interrupted | Exit::Terminated => 9,
        }
    }

    /// The code of a run whose artifacts ended so: that of the worst, `Ok` for none.
    pub fn worst(all: impl IntoIterator<Item = Exit>) -> Exit {
        all.into_iter()
            .max_by_key(|exit| exit.severity())
            .unwrap_or(Exit::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_code_wins_in_the_documented_order() {
        let order = [
            Exit::Worse,
            Exit::Failed,
            Exit::Refused,
            Exit::Artifact,
            Exit::Protocol,
            Exit::Unreachable,
            Exit::Undecided,
            Exit::Transient,
            Exit::Ok,
        ];
        for (place, worse) in order.iter().enumerate() {
            for better in &order[place..] {
                assert_eq!(Exit::worst([*better, *worse]), *worse);
            }
        }
        assert_eq!(Exit::worst([]), Exit::Ok);
    }
}
