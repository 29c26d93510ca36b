// A marginal from a potential and its update.
#import excess_of_potentials

@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read> after: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

fn excess(row: u32) -> f32 {
    return excess_of_potentials(before[row], after[row]);
}
