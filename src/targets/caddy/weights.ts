/** Beyond so many requests a row is as good as any other. */
const MOST = 1000;
/** How far a share may be from what is asked, as a part of it. */
const TOLERANCE = 0.05;

/**
 * Weights with nearly the same ratios, as small as they can be. `weighted_round_robin` sends as many requests in a row to one instance as its
 * weight says (modules/caddyhttp/reverseproxy/selectionpolicies.go), so that of large ones only thousands of requests would show the
 * ratios. Each share differs by a twentieth at most, and none becomes nothing.
 */
export function smallWeights(weights: readonly number[]): readonly number[] {
  const total = sumOf(weights);
  for (let size = 1; size < Math.min(total, MOST); size += 1) {
    const small = weights.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.round((weight * size) / total))));
    const all = sumOf(small);
    if (all < total && weights.every((weight, index) => isNear((small[index] ?? 0) / all, weight / total))) return small;
  }
  return weights;
}

function isNear(share: number, wanted: number): boolean {
  return Math.abs(share - wanted) <= wanted * TOLERANCE;
}

function sumOf(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}
