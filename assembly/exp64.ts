// Scalar float64 exp and log: those of ARM's optimized routines (MIT licence; in musl too), to the last bit, but for their
// tables. These are 6 kB that no compressor makes smaller, so they are computed as the kernel starts, from 512 bytes.

/** 2^(i/128) for i < 128 as H(1 + T), two words each: T, and the bits of H less i·2⁴⁵. */
const POWERS: usize = memory.data(2048, 8);
/** 1/c, log c and c in two parts for each of 128 parts of [0.6875, 1.375), c near the middle of its part. */
const CENTRES: usize = memory.data(4096, 8);
/**
 * By how many units in the last place 1/c differs from one over the middle: it is chosen such that log c is within 2⁻⁶⁶ of
 * a multiple of 2⁻⁴³, and c in two floats within 2⁻⁶⁶ of itself.
 */
const OFFSETS: usize = memory.data<i32>([
  -23142382,
  -57643754,
  -234334839,
  -124664804,
  19045012,
  -123323398,
  -501163255,
  342479926,
  -234593306,
  57421184,
  513617488,
  -240891478,
  85169741,
  28659150,
  284053799,
  342563057,
  -68420459,
  -346144712,
  -90113766,
  -464022980,
  285342708,
  -489548825,
  376054848,
  47397812,
  -423637851,
  -260988534,
  336107021,
  448241578,
  154177355,
  447893384,
  241227555,
  -420636714,
  -218426730,
  -96876684,
  -205835218,
  -368178198,
  -345128710,
  -510284502,
  481763731,
  209336112,
  429336310,
  15489329,
  442353177,
  -417834330,
  73183371,
  515232680,
  507984536,
  83787275,
  330409952,
  151596684,
  377744204,
  198302857,
  214798271,
  -345957716,
  356163107,
  215510022,
  -229897960,
  -131709726,
  215213618,
  -464519207,
  -332821996,
  385780520,
  -400344786,
  256208139,
  478356527,
  345720337,
  128466877,
  217515751,
  -162048343,
  295127580,
  -235892775,
  -69369347,
  93666841,
  -272860130,
  91915174,
  29018059,
  258893229,
  386009280,
  -241633007,
  68399381,
  386341370,
  408940642,
  65060217,
  -120872168,
  189498853,
  -32395328,
  -49955913,
  154042178,
  -346113480,
  148348366,
  -396488327,
  -427431396,
  107119491,
  -500798201,
  212184347,
  305888811,
  -330297730,
  -91422864,
  6707636,
  273897542,
  -512931067,
  -500150233,
  485589437,
  -280752730,
  106848032,
  30953893,
  -291342514,
  -408884927,
  149302919,
  -107851081,
  225432558,
  460497078,
  -452391632,
  -490679353,
  508304210,
  493208081,
  336502878,
  526975298,
  -457361038,
  -312310462,
  -365194252,
  -421357131,
  362015322,
  310793228,
  -441535439,
  -69145545,
  -528727990,
  433364383,
]);

/** The bits of 0.6875, where the first part begins. */
const FIRST: u64 = 0x3fe6000000000000;
/** Bits of a double below those that tell its part. */
const BELOW: u64 = 45;

/** The error of the product p of a and b, of which `high` and `low` are the halves. */
function productError(a: f64, high: f64, low: f64, p: f64): f64 {
  const t = 134217729 * a, h = t - (t - a), l = a - h;
  return h * high - p + h * low + l * high + l * low;
}

/** Powers of 2^(1/128) in pairs of doubles: the errors of T stay below 2⁻¹⁰⁰. */
function fillPowers(): void {
  const root: f64 = 1.0054299011128027, rest: f64 = 9.499186535455032e-17;
  const high: f64 = 1.005429893732071, low: f64 = 7.380731803507956e-09;
  let h: f64 = 1, l: f64 = 0;
  for (let i: u64 = 0; i < 128; i++) {
    const at = POWERS + (<usize> i << 4);
    store<f64>(at, l / h);
    store<u64>(at, reinterpret<u64>(h) - (i << BELOW), 8);
    const p = h * root, e = productError(h, high, low, p) + (h * rest + l * root);
    h = p + e;
    l = e - (h - p);
  }
}

/** log c = 2 artanh s for s = (c − 1)/(c + 1), of which |s| < 0.19 leaves nothing beyond s³¹. */
function fillCentres(): void {
  for (let i: u64 = 0; i < 128; i++) {
    const middle = reinterpret<f64>(FIRST + (i << BELOW) + (<u64> 1 << (BELOW - 1)));
    const offset = <i64> load<i32>(OFFSETS + (<usize> i << 2));
    const inverse = reinterpret<f64>(reinterpret<u64>(1 / middle) + offset);
    const c = 1 / inverse, s = (c - 1) / (c + 1), square = s * s;
    const t = 134217729 * inverse, high = t - (t - inverse), p = c * inverse;
    let sum: f64 = 0;
    for (let k: f64 = 31; k > 0; k -= 2) sum = sum * square + 1 / k;
    const at = CENTRES + (<usize> i << 5);
    store<f64>(at, inverse);
    store<f64>(at, 2 * s * sum + 768 - 768, 8); // 1.5·2⁹: adding it rounds to a multiple of 2⁻⁴³
    store<f64>(at, c, 16);
    store<f64>(at, (1 - p - productError(c, high, inverse - high, p)) / inverse, 24);
  }
}

fillPowers();
fillCentres();

/** eˣ for x < 512: x = (ln 2/128)k + r, eˣ = 2^(k/128) eʳ. Its error is below 0.52 units in the last place. */
export function exp64(x: f64): f64 {
  const exponent = (<u32> (reinterpret<u64>(x) >> 52) & 0x7ff) - 0x3c9; // 0 for 2⁻⁵⁴
  const common = exponent < 0x3f;
  if (!common) {
    if (!(abs(x) >= 512)) return 1 + x;
    if (x <= -1024) return 0;
  }
  const shift = reinterpret<f64>(0x4338000000000000); // 1.5·2⁵²: adding it rounds to an integer, found in the low bits
  const shifted = reinterpret<f64>(0x40671547652b82fe) * x + shift;
  const k = reinterpret<u64>(shifted), kd = shifted - shift;
  const r = x + kd * reinterpret<f64>(0xbf762e42fefa0000) + kd * reinterpret<f64>(0xbd0cf79abc9e3b3a);
  const at = POWERS + (<usize> (k & 127) << 4);
  const bits = load<u64>(at, 8) + (k << BELOW);
  const square = r * r;
  const first = reinterpret<f64>(0x3fdffffffffffdbd) + r * reinterpret<f64>(0x3fc555555555543c);
  const second = reinterpret<f64>(0x3fa55555cf172b91) + r * reinterpret<f64>(0x3f81111167a4d017);
  const more = load<f64>(at) + r + square * first + square * square * second;
  if (!common) return subnormal(reinterpret<f64>(bits + (<u64> 1022 << 52)), more);
  const power = reinterpret<f64>(bits);
  return power + power * more;
}

/** 2⁻¹⁰²² scale (1 + more), rounded once: below 2⁻¹⁰²² at the precision that is left there. */
function subnormal(scale: f64, more: f64): f64 {
  let y = scale + scale * more;
  if (y < 1) {
    const low = scale - y + scale * more, high = 1 + y;
    y = high + (1 - high + y + low) - 1;
  }
  return y * reinterpret<f64>(0x0010000000000000);
}

/** log x: −∞ at 0, NaN below 0 and for NaN, +∞ at +∞. Its error is below 0.52 units in the last place. */
export function log64(x: f64): f64 {
  let bits = reinterpret<u64>(x);
  if (bits - 0x3fee000000000000 < 0x0003090000000000) return nearOne(x - 1);
  if (<u32> (bits >> 48) - 0x10 >= 0x7fe0) {
    if (x == 0) return -Infinity;
    if (!(x > 0 && x < Infinity)) return x > 0 ? x : NaN;
    bits = reinterpret<u64>(x * 4503599627370496) - (<u64> 52 << 52);
  }
  const above = bits - FIRST, at = CENTRES + (<usize> ((above >> BELOW) & 127) << 5);
  const k = <f64> (<i64> above >> 52), z = reinterpret<f64>(bits - (above & 0xfff0000000000000));
  const r = (z - load<f64>(at, 16) - load<f64>(at, 24)) * load<f64>(at);
  const whole = k * reinterpret<f64>(0x3fe62e42fefa3800) + load<f64>(at, 8), high = whole + r;
  const low = whole - high + r + k * reinterpret<f64>(0x3d2ef35793c76730);
  const square = r * r;
  const tail = reinterpret<f64>(0x3fc999b324f10111) + r * reinterpret<f64>(0xbfc55575e506c89f);
  const cubic = reinterpret<f64>(0x3fd555555551305b) + r * reinterpret<f64>(0xbfcfffffffeb4590) + square * tail;
  return low + square * reinterpret<f64>(0xbfe0000000000001) + r * square * cubic + high;
}

/** log(1 + r) for 1 + r in [1 − 2⁻⁴, 1.064697265625). */
function nearOne(r: f64): f64 {
  const square = r * r, cube = square * r;
  const first = reinterpret<f64>(0x3fd5555555555577) + r * reinterpret<f64>(0xbfcffffffffffdcb) +
    square * reinterpret<f64>(0x3fc999999995dd0c);
  const second = reinterpret<f64>(0xbfc55555556745a7) + r * reinterpret<f64>(0x3fc24924a344de30) +
    square * reinterpret<f64>(0xbfbfffffa4423d65);
  const third = reinterpret<f64>(0x3fbc7184282ad6ca) + r * reinterpret<f64>(0xbfb999eb43b068ff) +
    square * reinterpret<f64>(0x3fb78182f7afd085) + cube * reinterpret<f64>(0xbfb5521375d145cd);
  const y = cube * (first + cube * (second + cube * third));
  const lifted = r * 134217728, head = r + lifted - lifted, rest = r - head;
  const half = head * head * -0.5, high = r + half;
  return y + (r - high + half - 0.5 * rest * (head + r)) + high;
}
