// The log-sum-exp of softmin over many lines of the same points, with one strip of costs for all lines:
//
//     Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε) = mean weight · sum · 2^max     for each line
//
// for the columns of this strip and of those before it, with a state for each number of the result and each split.
// `softmin_finish` combines the splits; if there is only one, the dispatch of the last strip writes the result.
#import lines_params

@group(0) @binding(1) var<storage, read> strip: array<f32>;
// The terms of columns in the exponents, from the kernel `terms`.
@group(0) @binding(2) var<storage, read> terms: array<f32>;
@group(0) @binding(3) var<storage, read_write> state: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#import softmin_value
#import joined

const WORKGROUP: u32 = $WORKGROUPu;
#import lines_blocks

@compute @workgroup_size($WORKGROUP)
fn softmin_lines(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    #import lines_places
    #unroll r ROWS
    #unroll q LINES
    var total_$r_$q = vec2(LOWEST, 0.0);
    var highest_$r_$q = total_$r_$q.x;
    #end
    #end

    while column < end {
        let block_end = min(column + BLOCK, end);
        #unroll r ROWS
        #unroll q LINES
        var sum_$r_$q = 0.0;
        #end
        #end
        for (; column < block_end; column += 8u) {
            #import lines_group
            #unroll q LINES
            #unroll k 8
            let h_$q_$k = select(LOWEST, terms[column_place_$q + offset_$k], counts_$k);
            #end
            #unroll r ROWS
            #unroll k 8
            let s_$r_$q_$k = h_$q_$k - c_$r_$k;
            #end
            let higher_$r_$q = max(
                highest_$r_$q,
                max(
                    max(max(s_$r_$q_0, s_$r_$q_1), max(s_$r_$q_2, s_$r_$q_3)),
                    max(max(s_$r_$q_4, s_$r_$q_5), max(s_$r_$q_6, s_$r_$q_7)),
                ),
            );
            let even_$r_$q = (exp2(s_$r_$q_0 - higher_$r_$q) + exp2(s_$r_$q_2 - higher_$r_$q))
                + (exp2(s_$r_$q_4 - higher_$r_$q) + exp2(s_$r_$q_6 - higher_$r_$q));
            let odd_$r_$q = (exp2(s_$r_$q_1 - higher_$r_$q) + exp2(s_$r_$q_3 - higher_$r_$q))
                + (exp2(s_$r_$q_5 - higher_$r_$q) + exp2(s_$r_$q_7 - higher_$r_$q));
            sum_$r_$q = sum_$r_$q * exp2(highest_$r_$q - higher_$r_$q) + (even_$r_$q + odd_$r_$q);
            highest_$r_$q = higher_$r_$q;
            #end
            #end
        }
        #unroll r ROWS
        #unroll q LINES
        total_$r_$q = joined(total_$r_$q, vec2(highest_$r_$q, sum_$r_$q));
        #end
        #end
    }

    #unroll r ROWS
    #unroll q LINES
    if kept_$r_$q {
        // The state of earlier strips is added last, so that a sum over strips has no more roundings than one over spans.
        if params.carried == 1u {
            total_$r_$q = joined(state[first_state + place_$r_$q], total_$r_$q);
        }
        if params.finished == 1u {
            out[place_$r_$q] = softmin_value(total_$r_$q, params.unit, params.log_mean_weight);
        } else {
            state[first_state + place_$r_$q] = total_$r_$q;
        }
    }
    #end
    #end
}
