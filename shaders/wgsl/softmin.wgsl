// The log-sum-exp of softmin, as a running maximum and a sum relative to it:
//
//     Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε) = mean weight · sum · 2^max
//
// for the columns of this dispatch and of those before it, with a state for each row and split.
// `softmin_finish` combines the splits; if there is only one, the last dispatch writes the result.
#import params
#import points
#import clouds
#import cost
#import memory

@group(0) @binding(5) var<storage, read> alarm: array<u32>;
@group(0) @binding(6) var<storage, read_write> state: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;
#import softmin_value

const WORKGROUP: u32 = $WORKGROUPu;
#import blocks
#import joined

@compute @workgroup_size($WORKGROUP)
fn softmin(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    #import lanes
) {
    // After a guess, only if the guess failed.
    if params.token != 0u && alarm[0] != params.token {
        return;
    }
    #import rows
    #unroll r ROWS
    var total_$r = vec2(LOWEST, 0.0);
    if params.carried == 1u {
        total_$r = state[first_state + row_$r];
    }
    var highest_$r = total_$r.x;
    #end

    #import walk
    while position < end {
        let span_end = min(position + SPAN, end);
        #unroll r ROWS
        var span_$r = vec2(LOWEST, 0.0);
        #end
        while position < span_end {
            let block_end = min(position + BLOCK, span_end);
            #unroll r ROWS
            var sum_$r = 0.0;
            #end
            for (; position < block_end; position += $STEPu) {
                #import step
                #import group
                #unroll r ROWS
                #import distances
                #unroll k 8
                let s_$r_$k = h_$k - cost(d_$r_$k);
                #end
                let higher_$r = max(
                    highest_$r,
                    max(
                        max(max(s_$r_0, s_$r_1), max(s_$r_2, s_$r_3)),
                        max(max(s_$r_4, s_$r_5), max(s_$r_6, s_$r_7)),
                    ),
                );
                let even_$r = (exp2(s_$r_0 - higher_$r) + exp2(s_$r_2 - higher_$r))
                    + (exp2(s_$r_4 - higher_$r) + exp2(s_$r_6 - higher_$r));
                let odd_$r = (exp2(s_$r_1 - higher_$r) + exp2(s_$r_3 - higher_$r))
                    + (exp2(s_$r_5 - higher_$r) + exp2(s_$r_7 - higher_$r));
                sum_$r = sum_$r * exp2(highest_$r - higher_$r) + (even_$r + odd_$r);
                highest_$r = higher_$r;
                #end
            }
            #unroll r ROWS
            span_$r = joined(span_$r, vec2(highest_$r, sum_$r));
            #end
        }
        #unroll r ROWS
        total_$r = joined(total_$r, span_$r);
        #end
    }

    #unroll r ROWS
    if kept_$r {
        if params.finished == 1u {
            out[row_$r] = softmin_value(total_$r, params.unit, params.log_mean_weight);
        } else {
            state[first_state + row_$r] = total_$r;
        }
    }
    #end
}
