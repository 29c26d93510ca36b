#import workgroup_sum

// Adds up the shares of a workgroup's invocations in the mass of its tile.
fn add_mass(lane: u32, workgroup: u32, place: u32, mass: f32) {
    // Waits until all have read the terms of the previous sum.
    workgroupBarrier();
    let sum = workgroup_sum(lane, mass);
    if lane == 0u {
        masses[place] += sum;
    }
}
