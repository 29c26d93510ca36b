//! Volumes in space: what is written lies where its inputs do, masks, and volumes that lie elsewhere.

use crate::fixture::{Room, assert_close, assert_says, error_line, value};
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::Path;

/// Where the header of NIfTI-1 has the sides of a voxel, both maps into space, and the shift of the second one along x.
const SIDES: std::ops::Range<usize> = 76..92;
const MAPS: std::ops::Range<usize> = 252..328;
const SHIFT: usize = 292;

/// Where the voxels begin: 4×3×2 of 16 bits, the first axis fastest.
const VOXELS: usize = 352;

/// A room with the volume that nibabel wrote, packed and plain.
fn room() -> (Room, Vec<u8>) {
    let room = Room::new();
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../haul-files/tests/made/brain.nii.gz");
    std::fs::copy(&made, room.path("brain.nii.gz")).unwrap();
    let mut plain = Vec::new();
    let packed = std::fs::read(made).unwrap();
    GzDecoder::new(&*packed).read_to_end(&mut plain).unwrap();
    room.write("brain.nii", &plain);
    (room, plain)
}

/// The volume with other values of its voxels.
fn with_voxels(volume: &[u8], of: impl Fn(usize, i16) -> i16) -> Vec<u8> {
    let mut changed = volume.to_vec();
    for (at, voxel) in changed[VOXELS..].chunks_exact_mut(2).enumerate() {
        let value = of(at, i16::from_le_bytes([voxel[0], voxel[1]]));
        voxel.copy_from_slice(&value.to_le_bytes());
    }
    changed
}

#[test]
fn averages_projections_and_flows_lie_where_their_inputs_do() {
    let (room, brain) = room();
    room.write(
        "other.nii",
        with_voxels(&brain, |at, value| value + (at % 5) as i16),
    );
    for (line, name) in [
        (
            "barycenter brain.nii.gz other.nii --normalize --blur 3 -o out.nii",
            "out.nii",
        ),
        (
            "barycenter brain.nii other.nii --normalize --blur 3 --frames 3 -o way.nii",
            "way.nii",
        ),
        (
            "coordinates brain.nii --of other.nii --normalize --blur 3 -o near.nii",
            "near.nii",
        ),
        (
            "flow brain.nii.gz --normalize --blur 3 --steps 2 --tau 1 -o after.nii",
            "after.nii",
        ),
    ] {
        let ran = room.cpu(&format!("{line} --quiet"));
        assert!(matches!(ran.status, Some(0 | 3)), "{line}: {}", ran.stderr);
        let written = std::fs::read(room.path(name)).unwrap();
        for part in [SIDES, MAPS] {
            assert_eq!(written[part.clone()], brain[part], "{name}");
        }
    }
    // Other sides for the computation do not move the voxels.
    room.cpu("barycenter brain.nii other.nii --normalize --spacing 1 --blur 1 -o one.nii --quiet");
    let written = std::fs::read(room.path("one.nii")).unwrap();
    assert_eq!(written[SIDES], brain[SIDES]);
    // An array has no place in space: its cells have sides alone.
    room.npy("plain.npy", &[1.0; 24], &[4, 3, 2]);
    room.cpu(
        "barycenter plain.npy brain.nii --normalize --spacing 2,3,4 --blur 3 -o sides.nii --quiet",
    );
    let written = std::fs::read(room.path("sides.nii")).unwrap();
    assert_eq!(written[SIDES][4..], brain[SIDES][4..]);
    assert_ne!(written[MAPS], brain[MAPS]);
}

#[test]
fn info_tells_where_voxels_are() {
    let (room, _) = room();
    let told = room.haul("info brain.nii.gz").stdout;
    assert_says(
        &told,
        &["voxel 0, 0, 0 at (90, -126, -72) mm, indices grow to left, front, head"],
    );
    let told = room.haul("info brain.nii.gz --json").json(0);
    assert_eq!(told["grid"]["unit"], "mm");
    let shift = told["grid"]["affine"][2][3].as_f64().unwrap();
    assert_close(shift, -72.0, 1e-12);
}

#[test]
fn a_mask_takes_away_what_is_outside_of_it() {
    let (room, brain) = room();
    let inside = |at: usize| at % 4 < 2;
    let mask = with_voxels(&brain, |at, _| i16::from(inside(at)));
    room.write("mask.nii", &mask);
    room.write(
        "inside.nii",
        with_voxels(&brain, |at, value| if inside(at) { value } else { 0 }),
    );
    room.write("other.nii", with_voxels(&brain, |at, _| at as i16));
    room.write(
        "other_inside.nii",
        with_voxels(&brain, |at, _| if inside(at) { at as i16 } else { 0 }),
    );
    let of = |line: &str| {
        value(
            &room
                .cpu(&format!("{line} --normalize --blur 3 --json"))
                .json(0),
        )
    };
    let masked = of("divergence brain.nii.gz other.nii --mask mask.nii");
    assert_eq!(masked, of("divergence inside.nii other_inside.nii"));
    assert_ne!(masked, of("divergence brain.nii.gz other.nii"));
    // Of a batch as well, where volumes with the same voxels are read once.
    let job = |id: &str, more: &str| {
        format!(
            "{{\"id\":\"{id}\",\"command\":\"divergence\",\"a\":\"brain.nii\",\"b\":\"other.nii\",\"normalize\":true,\"blur\":3{more}}}\n"
        )
    };
    room.write(
        "jobs.jsonl",
        job("plain", "") + &job("masked", ",\"mask\":\"mask.nii\""),
    );
    let ran = room.cpu("batch jobs.jsonl -o results.jsonl");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let results = room.read("results.jsonl");
    let line: serde_json::Value = serde_json::from_str(results.lines().nth(1).unwrap()).unwrap();
    assert_eq!(value(&line), masked);

    let mut elsewhere = mask.clone();
    elsewhere[SHIFT..SHIFT + 4].copy_from_slice(&80_f32.to_le_bytes());
    room.write("elsewhere.nii", elsewhere);
    room.write(
        "empty.nii",
        with_voxels(&brain, |at, _| i16::from(at == 15)),
    );
    room.npy("small.npy", &[1.0; 8], &[2, 2, 2]);
    room.csv("a.csv", &[0.0, 1.0], 1);
    for (line, parts) in [
        (
            "energy brain.nii brain.nii --mask elsewhere.nii",
            &["elsewhere.nii: its voxels lie up to 5 sides"][..],
        ),
        (
            "energy brain.nii brain.nii --mask empty.nii",
            &["empty.nii: there is no mass inside of this mask"],
        ),
        (
            "energy brain.nii brain.nii --mask small.npy",
            &["small.npy: has 2×2×2 cells", "4×3×2 cells"],
        ),
        (
            "energy a.csv a.csv --mask mask.nii",
            &["--mask is for masses on a grid"],
        ),
        (
            "energy brain.nii brain.nii --mask none.nii",
            &["none.nii: cannot be read"],
        ),
        (
            "energy brain.nii brain.nii --mask mask.nii --gradient-weights mask.nii",
            &["mask.nii is read and written"],
        ),
    ] {
        assert_says(&error_line(room.cpu(line), 2), parts);
    }
}

#[test]
fn volumes_that_lie_elsewhere_are_told() {
    let (room, mut brain) = room();
    let told = |line: &str| room.cpu(&format!("{line} --normalize --blur 3")).stderr;
    assert!(!told("divergence brain.nii brain.nii.gz").contains("apart in space"));
    brain[SHIFT..SHIFT + 4].copy_from_slice(&95_f32.to_le_bytes());
    room.write("moved.nii", brain);
    assert_says(
        &told("divergence brain.nii moved.nii"),
        &["brain.nii and moved.nii: voxels of one index lie up to 2.5 sides of a voxel apart"],
    );
    assert!(!told("divergence brain.nii moved.nii --quiet").contains("apart in space"));
}
