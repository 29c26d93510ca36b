// The sums of a softmin whose result was guessed, as `sums` has them, and from the same pass the sums of each row over
// groups of columns,
//
//     Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) = mean weight · Σ sums      j in the group, f the guess
//
// over the pairs of a list whose entries hold the group. The sums are 0 before the first dispatch; each dispatch adds to
// them. `guessed_finish` computes the result from the states, and `masses` the masses of the plan from result and sums.
#import params
#import points
#import clouds
#import cost
#import memory

@group(0) @binding(5) var<storage, read> row_potential: array<f32>;
@group(0) @binding(6) var<storage, read_write> state: array<f32>;
// Splits × groups × rows, of whole tiles.
@group(0) @binding(7) var<storage, read_write> sums: array<f32>;

const WORKGROUP: u32 = $WORKGROUPu;
#import blocks

@compute @workgroup_size($WORKGROUP)
fn group_sums(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    #import rows
    #unroll r ROWS
    let u_$r = params.sharpness * row_potential[row_$r];
    var total_$r = 0.0;
    if params.carried == 1u {
        total_$r = state[first_state + row_$r];
    }
    // Of the current group: the sum of its full blocks, and the current block.
    var blocks_$r = 0.0;
    var block_$r = 0.0;
    #end

    #import walk
    let first_group = workgroup.y * params.width;
    let begun = position < end;
    while position < end {
        let span_end = min(position + SPAN, end);
        #unroll r ROWS
        var span_$r = 0.0;
        #end
        while position < span_end {
            let block_end = min(position + BLOCK, span_end);
            #unroll r ROWS
            var sum_$r = 0.0;
            #end
            for (; position < block_end; position += 1u) {
                let share_before = entry.w;
                #import step
                if entry.w != share_before {
                    #import mass SHARE=share_before
                    #unroll r ROWS
                    blocks_$r = 0.0;
                    block_$r = 0.0;
                    #end
                }
                #import group
                #unroll r ROWS
                #import distances
                #unroll k 8
                #import term
                #end
                let group_$r = ((p_$r_0 + p_$r_1) + (p_$r_2 + p_$r_3)) + ((p_$r_4 + p_$r_5) + (p_$r_6 + p_$r_7));
                sum_$r += group_$r;
                block_$r += group_$r;
                #end
            }
            #unroll r ROWS
            span_$r += sum_$r;
            blocks_$r += block_$r;
            block_$r = 0.0;
            #end
        }
        #unroll r ROWS
        total_$r += span_$r;
        #end
    }
    if begun {
        #import mass SHARE=entry.w
    }

    #unroll r ROWS
    if kept_$r {
        state[first_state + row_$r] = total_$r;
    }
    #end
}
