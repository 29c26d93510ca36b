// For each row of many lines of the same points, the column with the least cost minus potential; of equal ones, the first:
//
//     argminⱼ k (Cᵢⱼ − hⱼ)     over the columns of positive weight
//
// with one strip of costs for all lines, among the columns of this strip and of those before it. States are those of
// `nearest`. `nearest_finish` combines the splits; if there is only one, the dispatch of the last strip writes the result.
#import lines_params

@group(0) @binding(1) var<storage, read> strip: array<f32>;
// The potentials of columns of positive weight, from the kernel `terms`.
@group(0) @binding(2) var<storage, read> terms: array<f32>;
@group(0) @binding(3) var<storage, read_write> state: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec2<u32>>;
#import no_column

const WORKGROUP: u32 = $WORKGROUPu;

@compute @workgroup_size($WORKGROUP)
fn nearest_lines(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    #import lines_places
    #unroll r ROWS
    #unroll q LINES
    var least_$r_$q = -LOWEST;
    var nearest_$r_$q = NO_COLUMN;
    if params.carried == 1u {
        let before_$r_$q = state[first_state + place_$r_$q];
        least_$r_$q = bitcast<f32>(before_$r_$q.x);
        nearest_$r_$q = before_$r_$q.y;
    }
    #end
    #end

    for (; column < end; column += 8u) {
        #import lines_group
        #unroll q LINES
        #unroll k 8
        let h_$q_$k = select(LOWEST, terms[column_place_$q + offset_$k], counts_$k);
        #unroll r ROWS
        let v_$r_$q_$k = c_$r_$k - h_$q_$k;
        let less_$r_$q_$k = v_$r_$q_$k < least_$r_$q;
        least_$r_$q = select(least_$r_$q, v_$r_$q_$k, less_$r_$q_$k);
        nearest_$r_$q = select(nearest_$r_$q, params.first_column + column + $ku, less_$r_$q_$k);
        #end
        #end
        #end
    }

    #unroll r ROWS
    #unroll q LINES
    if kept_$r_$q {
        let found_$r_$q = vec2(bitcast<u32>(least_$r_$q), nearest_$r_$q);
        if params.finished == 1u {
            out[place_$r_$q] = found_$r_$q;
        } else {
            state[first_state + place_$r_$q] = found_$r_$q;
        }
    }
    #end
    #end
}
