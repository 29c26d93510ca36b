//! The command line, as clap reads it. What it accepts is checked further before any work begins.

mod many;

pub(crate) use many::{Batch, Loss, Pairwise};

use crate::reduce::Reduction;
use crate::sample::Shape;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::str::FromStr;

/// Regularised optimal transport between point clouds, on any GPU and on the CPU.
#[derive(Debug, Parser)]
#[command(
    name = "haul",
    version,
    arg_required_else_help = true,
    after_help = "Example, which needs no files:\n  haul demo",
    propagate_version = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Say more: what the device does, and the causes of an error; twice for every submission
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Colours: always, never, or on a terminal, where NO_COLOR and CLICOLOR_FORCE have a say
    #[arg(long, global = true, value_name = "WHEN", value_enum, hide_possible_values = true, default_value_t = clap::ColorChoice::Auto)]
    pub(crate) color: clap::ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make two small clouds, move one onto the other, and draw what happened
    Demo(Demo),
    /// OT_ε between two clouds: the value, its certificate, potentials and plan
    Sinkhorn(Box<Sinkhorn>),
    /// The Sinkhorn divergence between two clouds: OT_ε without its bias, 0 for equal ones
    Divergence(Box<Divergence>),
    /// The energy distance between two clouds, or their maximum mean discrepancy: no transport
    Energy(Box<Energy>),
    /// Move a cloud onto another one: each point to where its mass goes on average
    Map(Box<Map>),
    /// Compare every cloud with every other one: a symmetric matrix
    Pairwise(Box<Pairwise>),
    /// Run many comparisons, one JSON object a line, and go on where an earlier run stopped
    Batch(Batch),
    /// List the devices, say which one is chosen and why, and check each of them
    Devices(Devices),
    /// Measure an operator of a device
    #[command(
        subcommand,
        after_help = "Example:\n  haul bench softmin --n 4096 --d 3 --device cpu"
    )]
    Bench(Operator),
    /// What files of points hold: how many, where, how far apart, how heavy
    Info(Info),
    /// Write a cloud again: thinned, of other columns, or in another format
    Thin(Thin),
    /// Write a synthetic cloud
    Sample(Sample),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  haul completions bash > haul.bash")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    #[command(hide = true, after_help = "Example:\n  haul man --out man")]
    Man {
        /// The folder that is written to
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  haul demo --out my-demo")]
pub(crate) struct Demo {
    /// The folder that is written to
    #[arg(long, value_name = "DIR", default_value = "haul-demo")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) engine: Engine,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Clouds are files .npy .npz .ply .csv .xyz, or - for csv from standard input, and other formats with --format.\n\nExample:\n  haul sinkhorn a.ply b.ply --blur 0.05 --tolerance 1e-4 --json"
)]
pub(crate) struct Sinkhorn {
    /// The cloud that is moved
    pub(crate) a: PathBuf,

    /// The cloud it is moved onto
    pub(crate) b: PathBuf,

    #[command(flatten)]
    pub(crate) solving: Solving,

    /// Write the potentials f and g, as float64 arrays of an .npz file
    #[arg(long, value_name = "F.npz")]
    pub(crate) potentials: Option<PathBuf>,

    /// Write the K largest entries of each row of the plan to the file of --plan; all of them where K is
    /// the number of points of the second cloud
    #[arg(long, value_name = "K", requires = "plan", allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    pub(crate) plan_topk: Option<u32>,

    /// A .csv file of lines i,j,mass, counted from 0
    #[arg(long, value_name = "T.csv", requires = "plan_topk")]
    pub(crate) plan: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) gradients: Gradients,
}

#[derive(Debug, Args)]
#[command(
    after_help = "S_ε(a, b) = OT_ε(a, b) − ½ OT_ε(a, a) − ½ OT_ε(b, b) + ½ ε (m_a − m_b)²\nis at least 0. Where --rho-a and --rho-b differ, each self term has the penalty of its cloud on both\nsides, and S_ε(a, a) is not 0.\n\nExample:\n  haul divergence a.ply b.ply --blur 0.05 --gradient g.npy --json"
)]
pub(crate) struct Divergence {
    /// The first cloud
    pub(crate) a: PathBuf,

    /// The second cloud
    pub(crate) b: PathBuf,

    #[command(flatten)]
    pub(crate) gradients: Gradients,

    #[command(flatten)]
    pub(crate) solving: Solving,
}

#[derive(Debug, Args)]
#[command(
    after_help = "energy(a, b) = E(a, b) − ½ E(a, a) − ½ E(b, b), E the mean of |x − y|^p\nMMD²(a, b)   = K(a, a) + K(b, b) − 2 K(a, b), K the mean of exp(−|x − y|²/(2σ²)) or exp(−|x − y|/σ)\n\nExample:\n  haul energy a.ply b.ply --json"
)]
pub(crate) struct Energy {
    /// The first cloud
    pub(crate) a: PathBuf,

    /// The second cloud
    pub(crate) b: PathBuf,

    /// The function of two points whose means are compared
    #[arg(long, value_enum, default_value_t = KernelName::Energy)]
    pub(crate) kernel: KernelName,

    /// The power p of the cost |x − y|^p of the energy, above 0 and at most 2 [default: 1]
    #[arg(long, allow_negative_numbers = true, value_parser = number)]
    pub(crate) p: Option<f64>,

    /// The width σ of a gaussian or laplacian kernel, a length
    #[arg(long, value_name = "σ", allow_negative_numbers = true, value_parser = number)]
    pub(crate) blur: Option<f64>,

    #[command(flatten)]
    pub(crate) gradients: Gradients,

    /// Write a page for people: the value, its rounding in words, a picture of both clouds
    #[arg(long, value_name = "F.html")]
    pub(crate) report: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) weights: Weights,

    #[command(flatten)]
    pub(crate) engine: Engine,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// No warnings
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KernelName {
    /// −|x − y|^p: the energy distance
    Energy,
    /// exp(−|x − y|²/(2σ²)): a squared maximum mean discrepancy
    Gaussian,
    /// exp(−|x − y|/σ): a squared maximum mean discrepancy
    Laplacian,
}

/// Derivatives that are written.
#[derive(Debug, Default, Args)]
pub(crate) struct Gradients {
    /// Write the derivative in the points of the first cloud, a float64 array n×d
    #[arg(long, value_name = "G.npy")]
    pub(crate) gradient: Option<PathBuf>,

    /// Write the derivative in the weights of the first cloud, a float64 array; where masses must
    /// be equal, for changes that keep the mass
    #[arg(long, value_name = "W.npy")]
    pub(crate) gradient_weights: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "T(x) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ, the barycentric projection of the plan. Every point of A is moved, also with --subsample or --voxel: the potential then extends the map from the points that were solved for.\n\nFrom .ply to .ply all else is kept byte for byte: colours, normals, faces. With --columns or --weight-column all other columns are kept from .csv to .csv, and from .xyz to .xyz. Other files take the points in their order, and .csv and .npz the weights.\n\nExample:\n  haul map a.ply b.ply --blur 0.05 --t 0.5 -o halfway.ply"
)]
pub(crate) struct Map {
    /// The cloud that is moved
    pub(crate) a: PathBuf,

    /// The cloud it is moved onto
    pub(crate) b: PathBuf,

    /// The moved cloud: .npy .npz .ply .csv .xyz; - is standard output, where nothing else is written
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// The part of the way that is gone, from 0 to 1: x + t (T(x) − x)
    #[arg(
        long,
        value_name = "t",
        default_value_t = 1.0,
        allow_negative_numbers = true,
        value_parser = number
    )]
    pub(crate) t: f64,

    /// Write K files OUT_000.ply, OUT_001.ply, … with t from 0 to 1 in even steps
    #[arg(long, value_name = "K", conflicts_with = "t", allow_negative_numbers = true, value_parser = whole::<u32, 2, 99_999>)]
    pub(crate) frames: Option<u32>,

    #[command(flatten)]
    pub(crate) solving: Solving,
}

/// A number of the command line.
pub(crate) fn number(text: &str) -> Result<f64, &'static str> {
    let advice = "write a number such as 0.005, with a point and without a unit";
    text.parse().map_err(|_| advice)
}

/// The largest u32.
pub(crate) const MOST_U32: u64 = u32::MAX as u64;

/// A whole number of the command line, which may be written as 30.0 or 1e4 as well.
pub(crate) fn whole<T: TryFrom<u64>, const LEAST: u64, const MOST: u64>(
    text: &str,
) -> Result<T, String> {
    /// Up to which a float tells all whole numbers apart.
    const EXACT: f64 = 9e15;
    let found = match (text.parse::<u64>(), text.parse::<f64>()) {
        (Ok(found), _) => found,
        (_, Ok(float)) if float < LEAST as f64 => {
            return Err(format!("it must be at least {LEAST}"));
        }
        (_, Ok(float)) if float > EXACT => return Err(format!("it must be at most {MOST}")),
        (_, Ok(float)) if float.fract() == 0.0 => float as u64,
        _ => return Err("write a whole number such as 500".to_owned()),
    };
    if found < LEAST {
        return Err(format!("it must be at least {LEAST}"));
    }
    let fits = Some(found).filter(|found| *found <= MOST);
    fits.and_then(|found| T::try_from(found).ok())
        .ok_or_else(|| format!("it must be at most {MOST}"))
}

/// The mass that counts as 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MassUnit(pub(crate) f64);

impl FromStr for MassUnit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = number(text)?;
        if unit.is_normal() && unit > 0.0 {
            Ok(Self(unit))
        } else {
            Err("it must be a positive number")
        }
    }
}

impl PartialEq for MassUnit {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for MassUnit {}

impl Hash for MassUnit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Answer {
    Yes,
    No,
}

/// How clouds are read, and what is made of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Args)]
pub(crate) struct Treatment {
    /// The columns that are coordinates, in this order: names in the header, or numbers counted from 1,
    /// as 1,2 or 2-9 [default: all but that of the weights; of a .ply x, y, z]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,

    /// The column that has the weights, by name or number; of an .npz the array [default: weight or
    /// weights, also with scalar_ before it]
    #[arg(long, value_name = "NAME")]
    pub(crate) weight_column: Option<String>,

    /// Whether the first row of a .csv or .xyz names the columns: yes or no [default: as it looks]
    #[arg(long, value_name = "yes|no", value_enum, hide_possible_values = true)]
    pub(crate) header: Option<Answer>,

    /// The format of files whose names tell none, as -, /dev/stdin or <(…): csv, ply, npy.gz and so on
    /// [default of -: csv]
    #[arg(long, value_name = "EXT")]
    pub(crate) format: Option<haul_files::Kind>,

    /// Scale all masses to 1
    #[arg(long)]
    pub(crate) normalize: bool,

    /// Divide the weights of both clouds by M, as by the mass of the first one: where masses differ and
    /// are far from 1, what is moved depends on their unit
    #[arg(
        long,
        value_name = "M",
        conflicts_with = "normalize",
        allow_negative_numbers = true
    )]
    pub(crate) mass_unit: Option<MassUnit>,

    /// Give all points of a cloud the same weight, which keep its mass; with --voxel all cells, so that
    /// what was scanned more densely weighs no more
    #[arg(long)]
    pub(crate) equal_weights: bool,

    #[command(flatten)]
    pub(crate) reduction: Reduction,
}

/// What may weigh the points, and what is made of them.
#[derive(Debug, Args)]
pub(crate) struct Weights {
    /// Weights of the first cloud: a .npy, or one column of a .csv
    #[arg(long, value_name = "F")]
    pub(crate) weights_a: Option<PathBuf>,

    /// Weights of the second cloud
    #[arg(long, value_name = "F")]
    pub(crate) weights_b: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) treatment: Treatment,
}

/// The problem of transport, and the iteration that solves it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// The blur σ, a length: ε = σ^p [default: 0.05 of the diagonal of the box around both clouds]
    #[arg(long, value_name = "σ", allow_negative_numbers = true, value_parser = number)]
    pub(crate) blur: Option<f64>,

    /// The regularisation ε, in units of the cost
    #[arg(
        long,
        value_name = "ε",
        conflicts_with = "blur",
        allow_negative_numbers = true,
        value_parser = number
    )]
    pub(crate) epsilon: Option<f64>,

    /// The length within which mass is moved; farther ones are destroyed and created, at
    /// ρ KL(P1 | a) + ρ KL(Pᵀ1 | b) with ρ = r^p [default: all mass is moved]
    #[arg(long, value_name = "r", allow_negative_numbers = true, value_parser = number)]
    pub(crate) reach: Option<f64>,

    /// The penalty ρ of both sides, in units of the cost: a number, or inf
    #[arg(
        long,
        value_name = "ρ",
        conflicts_with = "reach",
        allow_negative_numbers = true,
        value_parser = number
    )]
    pub(crate) rho: Option<f64>,

    /// The penalty of the first cloud's side alone; inf keeps P1 = a
    #[arg(long, value_name = "ρ", allow_negative_numbers = true, value_parser = number)]
    pub(crate) rho_a: Option<f64>,

    /// The penalty of the second cloud's side alone; inf keeps Pᵀ1 = b
    #[arg(long, value_name = "ρ", allow_negative_numbers = true, value_parser = number)]
    pub(crate) rho_b: Option<f64>,

    /// The power p of the cost |x − y|^p, above 0 and at most 2 [default: 2]
    #[arg(long, allow_negative_numbers = true, value_parser = number)]
    pub(crate) p: Option<f64>,

    /// The L1 error of the marginals, relative to the mass, at which the iteration ends
    #[arg(
        long,
        value_name = "T",
        default_value_t = 1e-3,
        allow_negative_numbers = true,
        value_parser = number
    )]
    pub(crate) tolerance: f64,

    /// The most iterations
    #[arg(long, value_name = "N", default_value_t = 10_000, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    pub(crate) max_iterations: usize,

    /// The variables of the iteration: potentials, or scalings
    #[arg(long, value_enum, default_value_t = Form::Log)]
    pub(crate) form: Form,
}

/// What the solving commands share.
#[derive(Debug, Args)]
pub(crate) struct Solving {
    #[command(flatten)]
    pub(crate) settings: Settings,

    #[command(flatten)]
    pub(crate) weights: Weights,

    #[command(flatten)]
    pub(crate) engine: Engine,

    /// Print one JSON object a result
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress and no warnings
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// Write the course of the iteration: iteration, ε, marginal error, seconds
    #[arg(long, value_name = "F.csv")]
    pub(crate) trace: Option<PathBuf>,

    /// Write a page for people: values, certificate in words, convergence, a picture of both clouds
    #[arg(long, value_name = "F.html")]
    pub(crate) report: Option<PathBuf>,
}

/// Where it is computed, and how precisely.
#[derive(Debug, Clone, Args)]
pub(crate) struct Engine {
    /// auto, cpu, gpu, or part of an adapter's name, as llvmpipe
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,

    /// f64 is computed on the CPU [default: f32, or f64 where f32 has too few digits for the
    /// tolerance and the device is not named]
    #[arg(long, value_enum)]
    pub(crate) precision: Option<Precision>,

    /// Threads of the CPU engine [default: one a core]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u16, 1, 65_535>)]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// Half the memory and twice the speed
    F32,
    /// For small ε and tight tolerances
    F64,
}

impl From<Precision> for haul::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::F64 => Self::F64,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Potentials, by log-sum-exp
    Log,
    /// Scalings u = a/(Kv), v = b/(Kᵀu), absorbed before they leave the range of a float
    Scaling,
}

#[derive(Debug, Args)]
#[command(
    after_help = r#"Paste what it prints into a report of a fault. Small problems (d = 3 and 16, p = 1 and 2) are
solved on each device, and their values, gradients and marginals compared with those of f64; the
rate is that of a softmin, d = 3. A device that fails is listed with its error, and the exit status
is 0 all the same.

Keys of a line of --json, those in brackets where they make sense:
  haul system processor threads memory       the program's version and the machine; memory in bytes
  device engine chosen why                   engine: cpu or gpu; chosen: what --device auto takes
  [kind backend driver max_buffer_size max_binding_size subgroup_sizes]     of an adapter; in bytes
  self_check [checks error]                  checks: what, d, p, deviation, accepted, passed of each
  [points pairs_per_second floor_pairs_per_second columns]     points of each cloud; the CPU's floor

Example:
  haul devices --json"#
)]
pub(crate) struct Devices {
    /// Print one JSON object a device
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Operator {
    /// Pairs per second of a softmin, and of the machine's arithmetic
    Softmin(Softmin),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  haul bench softmin --n 16384 --d 3 --device cpu --json")]
pub(crate) struct Softmin {
    /// Points of the rows
    #[arg(long, default_value_t = 16384, allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    pub(crate) n: u32,

    /// Points of the columns [default: as many]
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    pub(crate) m: Option<u32>,

    /// The dimension
    #[arg(long, default_value_t = 3, allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    pub(crate) d: u32,

    /// The power p of the cost |x − y|^p, above 0 and at most 2
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true, value_parser = number)]
    pub(crate) p: f64,

    /// Passes that are timed, after one that is not
    #[arg(long, default_value_t = 7, allow_negative_numbers = true, value_parser = whole::<u32, 1, 9999>)]
    pub(crate) runs: u32,

    #[command(flatten)]
    pub(crate) engine: Engine,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = r#"A file that cannot be read is told of, the others all the same; the exit status is 2 then.

Keys of a line of --json, of the points that are left after --subsample or --voxel:
  file points dimension     the coordinates of a point
  low high diagonal         the box around the points, an array of each axis; its diagonal
  spacing                   the median distance of a point to the nearest other one; null for one point
  mass weighted             the sum of the weights; whether the file has weights
  smallest_weight largest_weight

Example:
  haul info a.ply b.ply"#
)]
pub(crate) struct Info {
    /// The clouds
    #[arg(required = true, value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) treatment: Treatment,

    /// Print one JSON object a file
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The points and their weights are written and nothing else: no colours, no normals, no faces.\nThe divergence of two samples of one scan, of two seeds, says how much chance alone makes of it.\n\nExample:\n  haul thin a.ply --voxel 0.2 --equal-weights -o thin.ply"
)]
pub(crate) struct Thin {
    /// The cloud
    pub(crate) input: PathBuf,

    /// The file: .npy .npz .ply .csv .xyz; - is standard output, where nothing else is written
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) treatment: Treatment,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  haul sample torus --n 5000 --seed 1 -o torus.ply")]
pub(crate) struct Sample {
    /// The distribution
    #[arg(value_enum)]
    pub(crate) shape: Shape,

    /// Points
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    pub(crate) n: u32,

    /// The seed; the same one gives the same points
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u64, 0, { u64::MAX }>)]
    pub(crate) seed: u64,

    /// The file: .npy .npz .ply .csv .xyz; - is standard output
    #[arg(short, long, value_name = "F")]
    pub(crate) output: PathBuf,

    /// The format of a file whose name tells none, as - or /dev/stdout: csv, ply, npy.gz and so on
    /// [default of -: csv]
    #[arg(long, value_name = "EXT")]
    pub(crate) format: Option<haul_files::Kind>,
}
