//! How to end a computation from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What an observer asks for when it stops a solve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Certify the potentials as they are. The result is a solution that did not converge; its
    /// certificate takes about six passes over all pairs.
    Certify,
    /// Return [`Error::Interrupted`](crate::Error::Interrupted) at once.
    Abandon,
}

/// A flag that ends the work of an engine from another thread, such as a signal handler.
///
/// Each engine has one, [`Engine::interrupt`](crate::Engine::interrupt). While it is raised, every operator over
/// pairs returns [`Error::Interrupted`](crate::Error::Interrupted); a running operator returns after its current
/// block of rows or dispatch. Its output is then undefined. Clones share the flag.
///
/// ```
/// use haul_core::Interrupt;
/// let interrupt = Interrupt::default();
/// let handler = interrupt.clone();
/// std::thread::spawn(move || handler.raise()).join().unwrap();
/// assert!(interrupt.is_raised());
/// interrupt.lower();
/// assert!(interrupt.check().is_ok());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Ends all work that runs on the engine, and all that starts from now on.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Lets the engine work again.
    pub fn lower(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether it is raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns [`Error::Interrupted`](crate::Error::Interrupted) while it is raised.
    pub fn check(&self) -> crate::Result<()> {
        if self.is_raised() {
            Err(crate::Error::Interrupted)
        } else {
            Ok(())
        }
    }
}
