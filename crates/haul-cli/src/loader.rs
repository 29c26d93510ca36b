//! Keeps standard error to what the program has to say.

/// Starts the program anew where it would have a layer of the Vulkan loader complain: Mesa's, which orders
/// adapters by that of the Wayland session, writes "error: XDG_RUNTIME_DIR is invalid or not set" wherever
/// there is no session, as on servers and in containers. haul asks for no order, and leaves that layer out. The
/// loader reads the environment, which can only be set for a program that starts. Where that fails the
/// program runs as it is.
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
    // It only comes back with an error.
    let _ = again.args(arguments).env(LAYER_OFF, "1").exec();
}

/// Other systems have no such layer.
#[cfg(not(target_os = "linux"))]
pub(crate) fn silence() {}
