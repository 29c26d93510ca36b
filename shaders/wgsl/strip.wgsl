// The densities of a strip of the plan, weights of the columns included,
//
//     pᵢⱼ = bⱼ/mean · exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ)
//
// or what they exceed their weights by, or times what a slope of the cost is made of beside its coordinates. Column j of
// the strip is densities[j · height .. (j + 1) · height], so that rows side by side lie side by side. `strip_product`
// multiplies it with as many values as there are.
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
