// The scaled costs of a strip of pairs, which are the same for all lines. Column j of the strip is
// strip[j · height .. (j + 1) · height], so that neighbouring rows are neighbours in memory.
#import params
#import points
#import clouds
#import cost
#import memory

@group(0) @binding(3) var<storage, read_write> strip: array<f32>;

const WORKGROUP: u32 = $WORKGROUPu;

@compute @workgroup_size($WORKGROUP)
fn costs(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    #import lanes
) {
    #import rows
    #import walk
    for (; position < end; position += $STEPu) {
        #import step
        #import group
        #unroll r ROWS
        #import distances
        if kept_$r {
            let place_$r = params.first_row + row_$r;
            #unroll k 8
            strip[column_$k * params.height + place_$r] = cost(d_$r_$k);
            #end
        }
        #end
    }
}
