//! Tells the tests whether `HAUL_TEST_BROWSER` names a browser, so that those which need one show as
//! ignored where there is none.

fn main() {
    println!("cargo::rerun-if-env-changed=HAUL_TEST_BROWSER");
    println!("cargo::rustc-check-cfg=cfg(haul_browser)");
    if std::env::var_os("HAUL_TEST_BROWSER").is_some() {
        println!("cargo::rustc-cfg=haul_browser");
    }
}
