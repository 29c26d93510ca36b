//! What an engine has no kernel for, in one table.

use haul::{Device, Error, Result};

/// What GPU engines have no kernel for. What is in this list must be refused, and nothing else may be.
pub const REFUSED_BY_GPUS: &[&str] = &[];

/// The answer to what is asked, by name; none where the table says that this engine has no kernel for it.
#[track_caller]
pub fn supported<T>(device: &Device, what: &str, answer: Result<T>) -> Option<T> {
    let listed = matches!(device, Device::Gpu(_)) && REFUSED_BY_GPUS.contains(&what);
    match answer {
        Ok(_) if listed => panic!("{what}: works, but is in the table of what does not"),
        Ok(answer) => Some(answer),
        Err(error @ Error::Unsupported { .. }) if listed => {
            println!("{what}: {error}");
            None
        }
        Err(error) => panic!("{what}: {error}"),
    }
}
