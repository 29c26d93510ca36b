// The sums of a kernel–vector product
//
//     Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ = mean weight · state
//
// for the columns of this dispatch and of those before it, with a state for each row and split;
// without φ and V they are the sums of a softmin with a guess. The exponents should be
// moderate, as those of a plan are; the kernel cuts them to the range of a float.
#import params
#import points
#import clouds
#import cost
#import memory

@group(0) @binding(5) var<storage, read> row_potential: array<f32>;
#import values
#import excess
@group(0) @binding(6) var<storage, read_write> state: array<Value>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

const WORKGROUP: u32 = $WORKGROUPu;
#import blocks

@compute @workgroup_size($WORKGROUP)
fn sums(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    #import lanes
) {
    #import rows
    #unroll r ROWS
    let u_$r = params.sharpness * row_potential[row_$r];
    var total_$r = Value();
    if params.carried == 1u {
        total_$r = state[first_state + row_$r];
    }
    #end

    #import walk
    while position < end {
        let span_end = min(position + SPAN, end);
        #unroll r ROWS
        var span_$r = Value();
        #end
        while position < span_end {
            let block_end = min(position + BLOCK, span_end);
            #unroll r ROWS
            var sum_$r = Value();
            #end
            for (; position < block_end; position += $STEPu) {
                #import step
                #import group
                #import column_values
                #unroll r ROWS
                #import distances
                #unroll k 8
                #import term
                #end
                sum_$r += ((p_$r_0 + p_$r_1) + (p_$r_2 + p_$r_3)) + ((p_$r_4 + p_$r_5) + (p_$r_6 + p_$r_7));
                #end
            }
            #unroll r ROWS
            span_$r += sum_$r;
            #end
        }
        #unroll r ROWS
        total_$r += span_$r;
        #end
    }

    #unroll r ROWS
    if kept_$r {
        #import finish
    }
    #end
}
