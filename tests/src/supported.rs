//! The operations for which an engine has no kernel, in one table.

use haul::{Device, Error, Result};

/// The operations for which GPU engines have no kernel. They must refuse these, and no others.
pub const REFUSED_BY_GPUS: &[&str] = &[];

/// The answer to an operation, by name; none if the table says that this engine has no kernel for it.
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
