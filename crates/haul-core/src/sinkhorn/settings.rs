//! The common settings of a solve, a divergence and a truncated cost: each is defined here once, for all of them.

/// The problem: ε, and the power of the cost.
macro_rules! settings {
    ($type:ty) => {
        impl $type {
            /// With ε = σ^p, for a length σ.
            pub fn blur(sigma: f64) -> Self {
                Self::with($crate::Regularization::Blur(sigma))
            }

            /// With ε in units of the cost.
            pub fn epsilon(epsilon: f64) -> Self {
                Self::with($crate::Regularization::Epsilon(epsilon))
            }

            /// With ε as a [`Regularization`](crate::Regularization).
            pub fn with(regularization: $crate::Regularization) -> Self {
                Self::default().regularized(regularization)
            }

            /// The same settings with another ε.
            pub fn regularized(mut self, regularization: $crate::Regularization) -> Self {
                self.sinkhorn_mut().regularization = regularization;
                self
            }

            /// The power p of the cost |x − y|^p, above 0 and at most 2 (the default).
            pub fn p(mut self, p: impl Into<f64>) -> Self {
                self.sinkhorn_mut().p = p.into();
                self
            }

            /// The cost is Σₖ |xₖ − yₖ|^p over the axes of grids
            /// ([`Cost::sum_over_axes`](crate::Cost::sum_over_axes)). Between grids, passes then go along the axes for
            /// every p; with |x − y|^p they do so for p = 2.
            pub fn sum_over_axes(mut self) -> Self {
                self.sinkhorn_mut().over_axes = true;
                self
            }
        }
    };
}

/// The method of the solve, and the penalties of the marginals.
macro_rules! solver_settings {
    ($type:ty) => {
        impl $type {
            /// Both marginals of the plan may differ from their measures, with a penalty of ρ KL each, with ρ = r^p
            /// for a length r: mass farther apart is destroyed and created rather than moved. The masses may differ.
            /// Infinity, the default, keeps both constraints.
            ///
            /// ```
            /// # use haul_core::Sinkhorn;
            /// let within_reach = Sinkhorn::blur(0.05).reach(0.3);
            /// let source_constrained = Sinkhorn::blur(0.05).rho_b(0.3);
            /// ```
            pub fn reach(mut self, reach: f64) -> Self {
                self.sinkhorn_mut().penalties = [$crate::Penalty::Reach(reach); 2];
                self
            }

            /// The same with ρ itself, in units of the cost.
            pub fn rho(mut self, rho: f64) -> Self {
                self.sinkhorn_mut().penalties = [$crate::Penalty::Rho(rho); 2];
                self
            }

            /// ρ_a of the source's side only, in units of the cost; infinity keeps P1 = a.
            pub fn rho_a(mut self, rho: f64) -> Self {
                self.sinkhorn_mut().penalties[0] = $crate::Penalty::Rho(rho);
                self
            }

            /// ρ_b of the target's side only, in units of the cost; infinity keeps Pᵀ1 = b.
            pub fn rho_b(mut self, rho: f64) -> Self {
                self.sinkhorn_mut().penalties[1] = $crate::Penalty::Rho(rho);
                self
            }

            /// The L1 marginal error at which a solve ends, relative to the mass that moves at cost 0. Default 1e-3.
            pub fn tolerance(mut self, tolerance: f64) -> Self {
                self.sinkhorn_mut().tolerance = tolerance;
                self
            }

            /// The largest number of iterations of a solve (pairs of updates, steps of Newton's method), including
            /// those of the annealing. Default 10 000.
            pub fn max_iterations(mut self, iterations: usize) -> Self {
                self.sinkhorn_mut().max_iterations = iterations;
                self
            }

            /// The start of the iteration between two measures. Default
            /// [`Start::Automatic`](crate::Start::Automatic).
            pub fn start(mut self, start: $crate::Start) -> Self {
                self.sinkhorn_mut().start = start;
                self
            }

            /// Starts from potentials of a similar problem; see [`Start::Potentials`](crate::Start::Potentials).
            pub fn warm_start(self, potentials: $crate::Potentials) -> Self {
                self.start($crate::Start::Potentials(potentials))
            }

            /// The variables of the iteration. Default [`Form::Log`](crate::Form::Log).
            pub fn form(mut self, form: $crate::Form) -> Self {
                self.sinkhorn_mut().form = form;
                self
            }

            /// The acceleration of [`Form::Log`](crate::Form::Log). Default
            /// [`Acceleration::Automatic`](crate::Acceleration::Automatic).
            pub fn acceleration(mut self, acceleration: $crate::Acceleration) -> Self {
                self.sinkhorn_mut().acceleration = acceleration;
                self
            }

            /// Whether large problems go from coarse clouds to fine ones, with passes over near pairs. Default
            /// [`Multiscale::Automatic`](crate::Multiscale::Automatic).
            pub fn multiscale(mut self, multiscale: $crate::Multiscale) -> Self {
                self.sinkhorn_mut().multiscale = multiscale;
                self
            }

            /// Leaves out the upper bound, which takes most of the passes after a solve: five or more, and two without it.
            /// The value, its lower bound, the errors of both marginals, the potentials and all gradients are the same;
            /// ⟨P, C⟩, the entropy and bounds of W_p^p are unknown, and [`Report::certified`](crate::Report::certified)
            /// says so. It is for loops that need thousands of values, as those of training.
            pub fn uncertified(mut self) -> Self {
                self.sinkhorn_mut().certified = false;
                self
            }
        }
    };
}
