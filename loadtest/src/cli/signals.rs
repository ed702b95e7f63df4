//! Ctrl-C and SIGTERM, heard on a thread of their own: a script may keep all others busy with what nothing can interrupt.

use tokio::sync::mpsc;

use super::exit::{self, Failure};
use crate::engine::run::Signal;

/// The first signal ends the test gently, the second at once; the third ends the program, whatever it does. Once the test
/// is over and its results are being written, the second one does.
pub(super) fn listen() -> Result<mpsc::Receiver<Signal>, Failure> {
    let (signals, signals_in) = mpsc::channel(4);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let listen = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(hear(&signals, &ready));
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map_err(|error| Failure::system(format!("a thread could not be started: {error}")))?;
    // Ends with the sender where signals cannot be heard; they have their usual effect then.
    let _ = is_ready.recv();
    Ok(signals_in)
}

async fn hear(signals: &mpsc::Sender<Signal>, ready: &std::sync::mpsc::Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let _ = ready.send(());
    for count in 1.. {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let next = if count == 1 { Signal::Gentle } else { Signal::Hard };
        let is_over = signals.try_send(next).is_err();
        if count > 2 || (count > 1 && is_over) {
            leave();
        }
        if is_over {
            say("the test is over and its results are being written; interrupt again to end without them");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "main may be inside a call that cannot be interrupted")]
fn leave() -> ! {
    say("error: interrupted again: ended without results");
    std::process::exit(exit::INTERRUPTED.into())
}

#[expect(clippy::print_stderr, reason = "words for the user go to standard error")]
fn say(text: &str) {
    eprintln!("{text}");
}
