// Adds one term of each invocation of a workgroup in a tree; the result is invocation 0's.
var<workgroup> terms: array<f32, $WORKGROUP>;

fn workgroup_sum(lane: u32, term: f32) -> f32 {
    terms[lane] = term;
    for (var half = $WORKGROUPu / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            terms[lane] += terms[lane + half];
        }
    }
    return terms[0];
}
