//! Turns in space.

/// No turn.
#[cfg(feature = "gltf")]
pub(crate) const UNTURNED: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// The matrix of a quaternion (w, x, y, z), whose length does not matter; `None` if it has none.
pub(crate) fn rotation(quaternion: [f64; 4]) -> Option<[[f64; 3]; 3]> {
    let length = quaternion
        .iter()
        .fold(0.0_f64, |length, q| length.hypot(*q));
    if !length.is_normal() {
        return None;
    }
    let [w, x, y, z] = quaternion.map(|q| q / length);
    Some([
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ])
}
