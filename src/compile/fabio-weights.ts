/** Slots of Fabio's ring. */
const RING = 10_000;

/**
 * Fabio's shares as small integers with the same ratios (fabiolb/fabio:route/route.go weighTargets). `undefined`: no fixed share.
 * None fixed: equal. Fixed shares that exceed 1, or all fixed: each its part of their sum, the others nothing. Otherwise the fixed
 * ones as they are, the others share the rest equally. Every positive share keeps at least one slot of the ring of 10000.
 */
export function fabioWeights(shares: readonly (number | undefined)[]): readonly number[] {
  const fixed = shares.filter((share) => share !== undefined);
  const sum = fixed.reduce((total, share) => total + share, 0);
  const loose = shares.length - fixed.length;
  const scale = sum > 1 || loose === 0 ? sum : 1;
  const rest = (1 - sum) / loose;
  return reduced(shares.map((share) => slots(share === undefined ? rest : share / scale)));
}

function slots(share: number): number {
  return share <= 0 ? 0 : Math.max(1, Math.round(share * RING));
}

/** The same ratios in the smallest integers. */
function reduced(weights: readonly number[]): readonly number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  return weights.map((weight) => weight / divisor);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
