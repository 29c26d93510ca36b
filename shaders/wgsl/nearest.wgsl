// For each row, the column with the least cost minus potential; of equal ones, the first:
//
//     argminⱼ k (Cᵢⱼ − hⱼ)     over the columns of positive weight
//
// among those of this dispatch and of the dispatches before it. A state for each row and split holds the least value, as the
// bits of its float, and the index of its column among all. `nearest_finish` combines the splits; if there is only one, the
// last dispatch writes the result. A row without a column of positive weight has NO_COLUMN, and its value means nothing.
// The bound weights are logarithms.
#import params
#import points
#import clouds
#import cost
#import memory

@group(0) @binding(5) var<storage, read_write> state: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> out: array<vec2<u32>>;
#import no_column

const WORKGROUP: u32 = $WORKGROUPu;

@compute @workgroup_size($WORKGROUP)
fn nearest(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    #import lanes
) {
    #import rows
    #unroll r ROWS
    var least_$r = -LOWEST;
    var nearest_$r = NO_COLUMN;
    if params.carried == 1u {
        let before_$r = state[first_state + row_$r];
        least_$r = bitcast<f32>(before_$r.x);
        nearest_$r = before_$r.y;
    }
    #end

    #import walk
    for (; position < end; position += $STEPu) {
        #import step
        #import group
        #unroll r ROWS
        #import distances
        #unroll k 8
        let v_$r_$k = cost(d_$r_$k) - h_$k;
        let less_$r_$k = v_$r_$k < least_$r;
        least_$r = select(least_$r, v_$r_$k, less_$r_$k);
        nearest_$r = select(nearest_$r, params.first_column + column_$k, less_$r_$k);
        #end
        #end
    }

    #unroll r ROWS
    if kept_$r {
        let found_$r = vec2(bitcast<u32>(least_$r), nearest_$r);
        if params.finished == 1u {
            out[row_$r] = found_$r;
        } else {
            state[first_state + row_$r] = found_$r;
        }
    }
    #end
}
