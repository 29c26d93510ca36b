// The densities of a strip of the plan, weights of the columns included,
//
//     pᵢⱼ = bⱼ/mean · exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ)
//
// or their excess over the weights, or their product with the factor |x − y|^{p−2} of the gradient of the cost. Column j of
// the strip is densities[j · height .. (j + 1) · height], so that neighbouring rows are neighbours in memory.
// `strip_product` multiplies the strip with any number of values.
#import params
#import points
#import clouds
#import cost
#import memory

@group(0) @binding(5) var<storage, read> row_potential: array<f32>;
@group(0) @binding(6) var<storage, read_write> densities: array<f32>;
#import values
#import excess

const WORKGROUP: u32 = $WORKGROUPu;

@compute @workgroup_size($WORKGROUP)
fn strip(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    #import lanes
) {
    #import rows
    #unroll r ROWS
    let u_$r = params.sharpness * row_potential[row_$r];
    #end

    #import walk
    for (; position < end; position += $STEPu) {
        #import step
        #import group
        #import column_values
        #import along
        #unroll r ROWS
        #import distances
        #unroll k 8
        #import term
        #end
        if kept_$r {
            let place_$r = params.first_row + row_$r;
            #unroll k 8
            densities[column_$k * params.height + place_$r] = p_$r_$k;
            #end
        }
        #end
    }
}
