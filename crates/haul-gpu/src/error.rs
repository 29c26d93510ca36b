//! Errors of a device.

/// A failure of an adapter or a device, or a request beyond its limits.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no GPU; software adapters are not chosen unless they are named.
    #[error("no GPU; {}", listed(.available))]
    NoGpu {
        /// The available adapters, all of them in software.
        available: Vec<String>,
    },

    /// No adapter matches the requested name or kind.
    #[error("no adapter matches {asked:?}; {}", listed(.available))]
    NoSuchAdapter {
        /// The requested name or kind.
        asked: String,
        /// The available adapters.
        available: Vec<String>,
    },

    /// The adapter did not give a device.
    #[error("the adapter gave no device: {0}")]
    Request(#[from] wgpu::RequestDeviceError),

    /// The device lacks what the kernels need.
    #[error("the device allows {available} {limit} where {needed} are needed; use another")]
    Limit {
        /// The limit, by wgpu's name.
        limit: &'static str,
        /// What the device allows.
        available: u64,
        /// What the kernels need.
        needed: u64,
    },

    /// A buffer larger than the device allows. Use the CPU engine, or a smaller cloud.
    #[error(
        "{what} takes {bytes} bytes where the device allows buffers of {limit}; use the CPU, or fewer points"
    )]
    TooLarge {
        /// The contents of the buffer.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The largest buffer of the device.
        limit: u64,
    },

    /// The device is out of memory. Use the CPU engine, or a smaller cloud.
    #[error("out of device memory for {what}{}; use the CPU, or fewer points", asked(*.bytes))]
    OutOfMemory {
        /// What the memory was for.
        what: &'static str,
        /// Bytes requested; 0 if only the driver knows.
        bytes: u64,
    },

    /// The buffer of an array lacks the usage that kernels need. Create it with `BufferUsages::STORAGE`.
    #[error("the buffer of an array has the usage {usage}; create it with STORAGE as well")]
    ArrayUsage {
        /// The usages that it has.
        usage: String,
    },

    /// An array whose offset or stride is no multiple of 4 bytes.
    #[error("the {what} of an array is {bytes} bytes; it must be a multiple of 4")]
    ArrayAlignment {
        /// The offset or the stride.
        what: &'static str,
        /// Its value.
        bytes: u64,
    },

    /// An array whose rows overlap.
    #[error("the stride of an array is {stride} bytes where a row takes {row}")]
    ArrayStride {
        /// Bytes from one row to the next.
        stride: u64,
        /// Bytes of a row.
        row: u64,
    },

    /// An array that ends past the end of its buffer.
    #[error(
        "an array ends at byte {needed} of a buffer of {size}; make it larger, or the array smaller"
    )]
    ArraySize {
        /// The byte at which the array ends.
        needed: u64,
        /// Bytes of the buffer.
        size: u64,
    },

    /// The buffer of an array belongs to another device of the same wgpu instance, or is destroyed. wgpu cannot tell buffers of
    /// another instance apart from its own.
    #[error("the buffer of an array is not one of this device: {message}")]
    ArrayDevice {
        /// wgpu's message.
        message: String,
    },

    /// The device was lost: unplugged, reset, or driven too hard. Open it anew.
    #[error("the device was lost: {reason}")]
    Lost {
        /// The driver's message.
        reason: String,
    },

    /// wgpu refused an operation, or the driver failed in it.
    #[error("{what} failed: {message}")]
    Operation {
        /// The operation.
        what: &'static str,
        /// wgpu's message.
        message: String,
    },

    /// A result did not come in time.
    #[error(
        "no result after {seconds} seconds; the device may hang, or be far too slow for the problem"
    )]
    Timeout {
        /// Seconds waited.
        seconds: u64,
    },

    /// The engine's interrupt is raised, or was raised while this work was queued.
    #[error("the work was interrupted")]
    Interrupted,

    /// The driver reported work as finished that it had not done.
    #[error("the driver ended the work early, without an error; smaller problems may pass")]
    Unfinished,
}

fn asked(bytes: u64) -> String {
    if bytes == 0 {
        String::new()
    } else {
        format!(", {bytes} bytes were asked")
    }
}

fn listed(available: &[String]) -> String {
    if available.is_empty() {
        "there is no adapter at all; install a Vulkan driver (on Debian mesa-vulkan-drivers)"
            .to_owned()
    } else {
        format!("there are: {}", available.join(", "))
    }
}
