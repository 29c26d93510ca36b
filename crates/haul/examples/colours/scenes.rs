//! Two scenes as functions of a position in the unit square, x to the right and y downwards.

/// Red, green and blue, from 0 to 1.
pub(crate) type Colour = [f64; 3];

/// The sun over the sea.
pub(crate) fn sunset(x: f64, y: f64) -> Colour {
    const HORIZON: f64 = 0.62;
    const SUN: (f64, f64) = (0.64, 0.47);
    let height = (y - HORIZON).abs();
    if y > HORIZON {
        // The sea reflects the sky in waves, with a path of light below the sun.
        let wave = (60.0 * (height + 0.04).ln() + 9.0 * (7.0 * x + 11.0 * y).sin()).sin();
        let sea = mix(
            evening(1.6 * height + 0.06 * wave),
            [0.05, 0.06, 0.20],
            0.45,
        );
        let path = (-((x - SUN.0) / (0.05 + 0.3 * height)).powi(2)).exp();
        return mix(sea, [1.0, 0.82, 0.5], path * (0.45 + 0.4 * wave));
    }
    let hill = 0.10 * (3.1 * x + 0.6).sin().powi(2) * (1.0 - x) + 0.012 * (23.0 * x).sin();
    let from_sun = (1.6 * (x - SUN.0)).hypot(y - SUN.1);
    if height < hill {
        mix([0.30, 0.12, 0.28], [0.13, 0.07, 0.20], 10.0 * height)
    } else if from_sun < 0.1 {
        [1.0, 0.93, 0.66]
    } else {
        let glow = 0.8 * (-(from_sun - 0.1) / 0.12).exp();
        mix(evening(height), [1.0, 0.80, 0.45], glow)
    }
}

/// The evening sky at a height above the horizon.
fn evening(height: f64) -> Colour {
    let (gold, pink, night) = ([1.0, 0.68, 0.30], [0.78, 0.28, 0.42], [0.10, 0.08, 0.28]);
    mix(mix(gold, pink, height / 0.3), night, (height - 0.3) / 0.35)
}

/// Rows of firs in the mist.
pub(crate) fn forest(x: f64, y: f64) -> Colour {
    // From the nearest to the farthest: number of firs, height, and position.
    let rows = [
        (5.0, 0.42, 1.02),
        (9.0, 0.30, 0.84),
        (15.0, 0.22, 0.70),
        (26.0, 0.16, 0.58),
    ];
    for (row, (firs, tall, ground)) in rows.into_iter().enumerate() {
        let far = row as f64 / rows.len() as f64;
        let needles = mix([0.04, 0.16, 0.08], [0.62, 0.80, 0.66], far);
        let across = firs * x + 0.37 * row as f64;
        let up = (ground - y) / (tall * (0.75 + 0.25 * (2.4 * across.floor()).sin()));
        let spread = 0.42 * (1.0 - up) * (1.2 - 0.35 * (5.0 * up).fract());
        if ground - y < 0.05 - 0.03 * (5.0 * x + row as f64).sin() {
            return mix(needles, [0.36, 0.52, 0.14], 0.3 * (1.0 - far));
        }
        if (across.fract() - 0.5).abs() < spread {
            let sunlit = 0.5 * (1.0 - far) * (across.fract() - 0.2);
            let fir = mix(needles, [0.36, 0.52, 0.14], sunlit);
            return mix(fir, [0.80, 0.89, 0.84], 0.5 * far * (1.0 - up));
        }
    }
    mix([0.86, 0.93, 0.90], [0.42, 0.66, 0.84], 1.0 - 2.0 * y)
}

/// The colour at a fraction of the path between two colours, clamped to both ends.
fn mix(from: Colour, to: Colour, share: f64) -> Colour {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|k| from[k] + share * (to[k] - from[k]))
}
