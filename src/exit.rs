//! The exit codes: what a pipeline branches on. The numbers are a contract (README, "Exit codes").

/// Why the process ends, as the number that the calling pipeline sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// What was asked for is so.
    Ok = 0,
    /// The tenant decided: a build or start failed, a write was refused, another user was quicker.
    Failed = 1,
    /// A bad option, variable or settings file; nothing was sent.
    Usage = 2,
    /// The artifact itself is not valid; nothing was sent.
    Artifact = 3,
    /// 401 or 403: credentials, plan or role.
    Refused = 4,
    /// DNS, TLS, connection, 5xx or 429 after all retries, before a deployment was accepted.
    Unreachable = 5,
    /// An answer that makes no sense; never a success.
    Protocol = 6,
    /// The deadline, or contact lost, after a deployment was or may have been accepted.
    Undecided = 7,
    /// What was taken away could not be put back: a person is needed.
    Worse = 8,
    /// `plan --fail-on-changes`: something would be done.
    Changes = 9,
    /// The tenant's own passing fault ended a deployment.
    Transient = 11,
    /// Ended by Ctrl-C.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// Every code; of two artifacts of a run, that which stands later here is worse.
    pub const ALL: [Exit; 13] = [
        Exit::Ok,
        Exit::Transient,
        Exit::Undecided,
        Exit::Unreachable,
        Exit::Protocol,
        Exit::Artifact,
        Exit::Refused,
        Exit::Failed,
        Exit::Worse,
        Exit::Usage,
        Exit::Changes,
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
        self as u8
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

    /// The code of a run whose artifacts ended so: that of the worst, `Ok` for none.
    pub fn worst(all: impl IntoIterator<Item = Exit>) -> Exit {
        let all: Vec<Exit> = all.into_iter().collect();
        let worst = Exit::ALL.into_iter().rev().find(|exit| all.contains(exit));
        worst.unwrap_or(Exit::Ok)
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
