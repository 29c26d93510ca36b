//! haul's benchmarks, run by criterion: `cargo bench -p haul-benches`.
//!
//! `operators` measures pairs per second of each operator over pairs, by dimension and engine, and a
//! whole solve. The CPU engines are always measured; `HAUL_TEST_ADAPTERS` names the adapters that
//! are measured beside them. Under `cargo test` each benchmark runs once, so that none can rot.
