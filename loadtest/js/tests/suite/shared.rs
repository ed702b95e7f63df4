//! VUs that share an interpreter do what VUs with one of their own do; which scripts may.

use std::cell::Cell;

use crate::host::*;
use loadtest_js::*;

thread_local! {
    /// Scripts that [`compare`] has run in a shared interpreter, in this thread.
    static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// What one iteration of `script` did has to be what each of three VUs does that take turns in one interpreter,
/// which each of them has been through once; for all that the other tests of this crate look at.
pub(crate) fn compare(script: &Script, result: &TaskResult, lines: &[String]) {
    if script.shareable().is_err() {
        return;
    }
    COMPARED.set(COMPARED.get() + 1);
    let pool = VuPool::new(script);
    let rig = |_| Rig::of_pool(script.clone(), &pool, VuConfig { id: 1, ..VuConfig::default() });
    let mut rigs: Vec<Rig> = (0..3).map(rig).collect();
    let mut runs: Vec<(usize, Run)> = Vec::new();
    for (i, rig) in rigs.iter_mut().enumerate() {
        let task = rig.next();
        runs.push((i, rig.begin(task)));
    }
    // The last first, then the first, so that no order of stacks is kept.
    let mut turn = 0;
    while !runs.is_empty() {
        turn = (turn * 7 + 5) % 31;
        let at = turn % runs.len();
        let (i, run) = &mut runs[at];
        if let Some(shared) = rigs[*i].advance(run) {
            assert_eq!(format!("{shared:?}"), format!("{result:?}"));
            assert_eq!(rigs[*i].lines(), lines);
            runs.swap_remove(at);
        }
    }
}
