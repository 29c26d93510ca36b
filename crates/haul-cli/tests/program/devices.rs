//! `haul devices`: devices, checked and measured; the report is complete whatever a device does.

use crate::fixture::{HAUL, Ran, Room, assert_says};
use serde_json::Value;

/// Runs the command, without any adapter if requested.
fn devices(json: bool, adapters: bool) -> Ran {
    let room = Room::new();
    let mut command = room.command(HAUL);
    command.arg("devices").args(json.then_some("--json"));
    if !adapters {
        // The variable of new loaders, and that of old ones.
        command.env("VK_DRIVER_FILES", "/none.json");
        command.env("VK_ICD_FILENAMES", "/none.json");
    }
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran
}

fn lines(ran: &Ran) -> Vec<Value> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn keys(value: &Value) -> String {
    let keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
    keys.join(" ")
}

#[test]
fn each_device_is_told_with_its_machine_its_check_and_its_rate() {
    let text = devices(false, true).stdout;
    for part in [
        concat!("haul            ", env!("CARGO_PKG_VERSION")),
        "processor",
        "--device cpu",
        "self-check      passed: 12 numbers",
        "Gpairs/s",
        "its arithmetic admits: softmin",
        "* --device auto takes",
    ] {
        assert_says(&text, &[part]);
    }
    let lines = lines(&devices(true, true));
    assert_eq!(
        lines.iter().filter(|line| line["chosen"] == true).count(),
        1
    );
    let common = "haul system processor threads memory device engine chosen why";
    let (cpu, adapters) = lines.split_first().unwrap();
    assert_eq!(cpu["engine"], "cpu");
    assert_eq!(
        keys(cpu),
        format!("{common} self_check checks points pairs_per_second floor_pairs_per_second")
    );
    let rate = |line: &Value, key: &str| line[key].as_f64().unwrap();
    assert!(rate(cpu, "pairs_per_second") < 1.5 * rate(cpu, "floor_pairs_per_second"));
    for adapter in adapters {
        assert_eq!(adapter["engine"], "gpu");
        assert_eq!(
            keys(adapter),
            format!(
                "{common} kind backend driver max_buffer_size max_binding_size subgroup_sizes \
                 self_check checks points pairs_per_second columns"
            )
        );
    }
    for line in &lines {
        assert_eq!(line["self_check"], true, "{line}");
        assert!(rate(line, "pairs_per_second") > 1e6);
        let checks = line["checks"].as_array().unwrap();
        assert_eq!(checks.len(), 12);
        assert_eq!(keys(&checks[0]), "what d p deviation accepted passed");
        // f32 is not f64: a comparison with itself would have a deviation of 0.
        assert!(
            checks
                .iter()
                .any(|check| check["deviation"].as_f64() > Some(0.0))
        );
        assert!(!line["why"].as_str().unwrap().is_empty());
    }
}

#[test]
fn an_adapter_under_test_is_among_them() {
    let Ok(named) = std::env::var("HAUL_TEST_ADAPTERS") else {
        return;
    };
    let lines = lines(&devices(true, true));
    for part in named.split(',') {
        let of_name = |line: &&Value| {
            let name = line["device"].as_str().unwrap().to_lowercase();
            line["engine"] == "gpu" && name.contains(&part.to_lowercase())
        };
        let found = lines.iter().find(of_name).expect(part);
        if found["kind"] == "software" {
            assert_eq!(found["chosen"], false);
            assert_says(found["why"].as_str().unwrap(), &["software", "--device"]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_any_adapter_it_says_so_and_the_cpu_engine_is_chosen() {
    let text = devices(false, false).stdout;
    assert_says(&text, &["adapters        none: no driver", "loader"]);
    assert_says(&text, &["yes: there is no adapter", "takes the CPU engine"]);
    let lines = lines(&devices(true, false));
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["engine"], &lines[0]["chosen"]),
        (&"cpu".into(), &true.into())
    );
    let room = Room::with_clouds();
    let ran = room.shell("VK_DRIVER_FILES=/none VK_ICD_FILENAMES=/none haul demo --device gpu");
    assert_eq!(ran.status, Some(4));
    assert_says(
        ran.stderr.lines().last().unwrap(),
        &["error: ", "no adapter at all"],
    );
}
