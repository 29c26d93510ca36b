// A strip of densities p times values of its columns, $QUADS quads of channels a workgroup,
//
//     outᵢc ← factor Σⱼ pᵢⱼ Vⱼc     or     factor Σⱼ pᵢⱼ (xᵢc − yⱼc)
//
// or out += that where params.carried is 1. Terms are summed within blocks of 64, then blocks are added.
struct Params {
    // Of the strip; column j begins at j · height.
    rows: u32,
    columns: u32,
    height: u32,
    // Values of a row of the result, and quads of them.
    width: u32,
    quads: u32,
    // The first quad of this dispatch.
    first_quad: u32,
    carried: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> densities: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
#import factors

const WORKGROUP: u32 = $WORKGROUPu;
const BLOCK: u32 = 64u;

@compute @workgroup_size($WORKGROUP)
fn strip_product(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    #import rows_any
    let first_quad = params.first_quad + workgroup.y * $QUADSu;
    #unroll q QUADS
    let quad_$q = min(first_quad + $qu, params.quads - 1u);
    #end
    #unroll r ROWS
    #unroll q QUADS
    let x_$r_$q = row_value(row_$r, quad_$q);
    var total_$r_$q = vec4(0.0);
    #end
    #end
    for (var block = 0u; block < params.columns; block += BLOCK) {
        let end = min(block + BLOCK, params.columns);
        #unroll r ROWS
        #unroll q QUADS
        var sum_$r_$q = vec4(0.0);
        #end
        #end
        for (var column = block; column < end; column += 1u) {
            #unroll r ROWS
            let p_$r = densities[column * params.height + row_$r];
            #end
            #unroll q QUADS
            let y_$q = column_value(column, quad_$q);
            #unroll r ROWS
            sum_$r_$q += p_$r * term(x_$r_$q, y_$q);
            #end
            #end
        }
        #unroll r ROWS
        #unroll q QUADS
        total_$r_$q += sum_$r_$q;
        #end
        #end
    }
    #unroll r ROWS
    if kept_$r {
        #unroll q QUADS
        let first_$r_$q = 4u * (first_quad + $qu);
        for (var index = 0u; index < 4u && first_$r_$q + index < params.width; index += 1u) {
            let place = row_$r * params.width + first_$r_$q + index;
            var result = params.factor * total_$r_$q[index];
            if params.carried == 1u {
                result += out[place];
            }
            out[place] = result;
        }
        #end
    }
    #end
}
