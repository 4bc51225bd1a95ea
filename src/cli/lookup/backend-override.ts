/** `--backend NAME` as an override: as text, also where a name would be another value in YAML. */
export function backendOverride(backend: string): string {
  return `backend.worker=${JSON.stringify(backend)}`;
}
