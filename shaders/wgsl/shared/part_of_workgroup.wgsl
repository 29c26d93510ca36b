#import workgroup_sum

// Adds what the invocations of a workgroup have of its tile's mass.
fn add_mass(lane: u32, workgroup: u32, place: u32, mass: f32) {
    // Until all have read the terms of the sum before.
    workgroupBarrier();
    let sum = workgroup_sum(lane, mass);
    if lane == 0u {
        masses[place] += sum;
    }
}
