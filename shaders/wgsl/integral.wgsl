// Partial integrals of a function ψ of points over weights a over their mean: Σᵢ aᵢ ψᵢ, Σᵢ aᵢ |ψᵢ| and the largest |v| of the
// vectors that ψ is made of, on points of positive weight. A workgroup takes params.splits points an invocation; one of y takes
// line y of params.lines. Where params.added is 1, ψ is written down. params.slot says which function it is, and numbers that it
// has are coefficients[0].
#import vector_params
#import excess
#import excess_of_potentials

@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> partials: array<f32>;

const WORKGROUP: u32 = $WORKGROUPu;
const LN_2: f32 = 0.693147181;
var<workgroup> terms: array<vec3<f32>, $WORKGROUP>;

// ψ and the height of its vectors.
fn integrand(place: u32) -> vec2<f32> {
    let numbers = params.coefficients[0];
    let a = v[place];
    if params.slot == 0u {
        return vec2(a, abs(a));
    }
    if params.slot == 1u {
        return vec2(a * log2(max(a, 1e-38)) * LN_2, abs(a));
    }
    if params.slot == 2u {
        // numbers = (log2(e)/ρ, ρ).
        return vec2(-numbers.y * excess(clamp(-numbers.x * a, -126.0, 100.0)), abs(a));
    }
    let b = w[place];
    let height = max(abs(a), abs(b));
    switch params.slot {
        case 3u: {
            return vec2(min(a, b), height);
        }
        case 4u: {
            return vec2(a * b, height);
        }
        case 5u: {
            return vec2(b - a, height);
        }
        case 6u: {
            let gain = -numbers.y * excess(clamp(numbers.x * (a - b), -126.0, 100.0));
            return vec2(exp2(min(-numbers.x * a, 100.0)) * gain, height);
        }
        case 7u: {
            return vec2(excess_of_potentials(a, b), height);
        }
        case 8u: {
            return vec2(max(-excess_of_potentials(a, b), 0.0), height);
        }
        case 9u, 10u: {
            // y log y of y = 2^power, or y log y − y + 1, times what is wanted.
            let wanted = -numbers.y * a;
            let power = numbers.x * (a - b);
            let log = power * LN_2;
            let mass = exp2(min(power + wanted, 100.0));
            if params.slot == 9u {
                return vec2(mass * log, height);
            }
            let scale = exp2(min(wanted, 100.0));
            if abs(log) < 0.5 {
                let series = log * log * (0.5 + log * (0.333333333 + log * (0.125 + log * (0.0333333333
                    + log * (0.00694444444 + log * (0.00119047619 + log * 0.000173611111))))));
                return vec2(scale * series, height);
            }
            return vec2(mass * (log - 1.0) + scale, height);
        }
        default: {
            // A scaling u = b beside the potential f = a that has absorbed its past, and the sums s that u is updated with: the
            // ratio u s less e^{−(f + ε log u)/ρ}. numbers = (ε/ρ, log2(e)/ρ).
            let wanted = -numbers.y * a - numbers.x * log2(b);
            let sum = x[place];
            return vec2(b * sum - exp2(min(wanted, 100.0)), max(height, abs(sum)));
        }
    }
}

@compute @workgroup_size($WORKGROUP)
fn integral(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var total = vec3(0.0, 0.0, 0.0);
    let first_row = workgroup.x * (WORKGROUP * params.splits) + lane;
    for (var step = 0u; step < params.splits; step += 1u) {
        let row = first_row + step * WORKGROUP;
        if row < params.length {
            let place = row * params.lines + workgroup.y;
            let weight = weights[place];
            if weight > 0.0 || params.added == 1u {
                let value = integrand(place);
                if params.added == 1u {
                    out[place] = value.x;
                }
                if weight > 0.0 {
                    let term = weight * value.x;
                    total = vec3(total.x + term, total.y + abs(term), max(total.z, value.y));
                }
            }
        }
    }
    terms[lane] = total;
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            let other = terms[lane + half];
            let own = terms[lane];
            terms[lane] = vec3(own.x + other.x, own.y + other.y, max(own.z, other.z));
        }
    }
    if lane == 0u {
        let place = 3u * ((params.first_partial + workgroup.x) * params.lines + workgroup.y);
        partials[place] = terms[0].x;
        partials[place + 1u] = terms[0].y;
        partials[place + 2u] = terms[0].z;
    }
}
