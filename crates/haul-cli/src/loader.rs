//! Keeps messages of the Vulkan loader out of standard error.

/// Restarts the program without a Vulkan layer that would print an error: Mesa's, which orders adapters by that of
/// the Wayland session, writes "error: XDG_RUNTIME_DIR is invalid or not set" if there is no session, as on servers
/// and in containers. haul needs no order, so it disables that layer. The loader reads the environment, which can
/// only be set for a new process. If that fails, the program continues as it is.
#[cfg(target_os = "linux")]
pub(crate) fn silence() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    const LAYER_OFF: &str = "NODEVICE_SELECT";
    let given = |name| std::env::var_os(name).is_some();
    if given("XDG_RUNTIME_DIR") || given(LAYER_OFF) {
        return;
    }
    let mut arguments = std::env::args_os();
    let mut again = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // `exec` returns only on error.
    let _ = again.args(arguments).env(LAYER_OFF, "1").exec();
}

/// Other systems have no such layer.
#[cfg(not(target_os = "linux"))]
pub(crate) fn silence() {}
