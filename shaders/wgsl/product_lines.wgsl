// The sums of a product over many lines of the same points, with one value a column for each line and one strip for
// all lines:
//
//     Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ = mean weight · state     for each line
//
// for the columns of this strip and of those before it, with a state for each number of the result and each split. The
// importer's fragment computes the density. `sums_finish` adds the splits; if there is only one, the dispatch of
// the last strip writes the result.
#import lines_params

@group(0) @binding(1) var<storage, read> strip: array<f32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#import density

const WORKGROUP: u32 = $WORKGROUPu;
#import lines_blocks

@compute @workgroup_size($WORKGROUP)
fn product_lines(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    #import lines_places
    #unroll r ROWS
    #unroll q LINES
    let u_$r_$q = row_term(place_$r_$q);
    var total_$r_$q = 0.0;
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
            let h_$q_$k = column_term(column_place_$q + offset_$k);
            let v_$q_$k = select(0.0, share(h_$q_$k) * values[column_place_$q + offset_$k], counts_$k);
            #end
            #unroll r ROWS
            #unroll k 8
            let p_$r_$q_$k = v_$q_$k * density(u_$r_$q, h_$q_$k, c_$r_$k);
            #end
            sum_$r_$q += ((p_$r_$q_0 + p_$r_$q_1) + (p_$r_$q_2 + p_$r_$q_3))
                + ((p_$r_$q_4 + p_$r_$q_5) + (p_$r_$q_6 + p_$r_$q_7));
            #end
            #end
        }
        #unroll r ROWS
        #unroll q LINES
        total_$r_$q += sum_$r_$q;
        #end
        #end
    }

    #unroll r ROWS
    #unroll q LINES
    if kept_$r_$q {
        // The state of earlier strips is added last, so that a sum over strips has no more roundings than one over spans.
        if params.carried == 1u {
            total_$r_$q += state[first_state + place_$r_$q];
        }
        if params.finished == 1u {
            out[place_$r_$q] = params.mean_weight * total_$r_$q;
        } else {
            state[first_state + place_$r_$q] = total_$r_$q;
        }
    }
    #end
    #end
}
