//! The same work on many things at once, by several threads. How fast they may ask is the tenant's pace, not theirs.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `work` on all things with at most `threads` threads; gives the results in the order of the things. One thing is
/// worked on by the calling thread.
pub fn parallel_map<T: Send, R: Send>(
    things: Vec<T>,
    threads: usize,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    if things.len() < 2 || threads < 2 {
        return things.into_iter().map(work).collect();
    }
    let count = things.len();
    let threads = threads.min(count);
    let queue = Mutex::new(things.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let one_thread = || {
        let mut done = Vec::new();
        while let Some((place, thing)) = next() {
            done.push((place, work(thing)));
        }
        done
    };
    let mut results = Vec::with_capacity(count);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one_thread)).collect();
        for thread in threads {
            match thread.join() {
                Ok(done) => results.extend(done),
                Err(panic) => resume_unwind(panic),
            }
        }
    });
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_things() {
        let doubled = parallel_map((0..100).collect(), 7, |number| number * 2);
        assert_eq!(
            doubled,
            (0..100).map(|number| number * 2).collect::<Vec<_>>()
        );
    }

    #[test]
    fn as_many_things_are_worked_on_at_once_as_there_are_threads() {
        let met = Barrier::new(3);
        let leaders = parallel_map(vec![(); 3], 3, |()| met.wait().is_leader());
        assert_eq!(leaders.iter().filter(|leader| **leader).count(), 1);
    }

    #[test]
    #[should_panic(expected = "broken")]
    fn a_panic_is_not_swallowed() {
        parallel_map(vec![1, 2], 2, |number| assert!(number < 2, "broken"));
    }
}
