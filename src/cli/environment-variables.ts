/**
 * The variables that a manifest may hold: these and never another. They change how numbers are
 * computed or which device is used; none of them carries a secret.
 */
export const recordedVariables = [
  "AVERSE_PYTHON",
  "ATEN_CPU_CAPABILITY",
  "CUBLAS_WORKSPACE_CONFIG",
  "CUDA_DEVICE_ORDER",
  "CUDA_LAUNCH_BLOCKING",
  "CUDA_MODULE_LOADING",
  "CUDA_VISIBLE_DEVICES",
  "DNNL_MAX_CPU_ISA",
  "HF_HUB_OFFLINE",
  "KMP_AFFINITY",
  "MKL_CBWR",
  "MKL_DYNAMIC",
  "MKL_NUM_THREADS",
  "NVIDIA_TF32_OVERRIDE",
  "OMP_DYNAMIC",
  "OMP_NUM_THREADS",
  "OMP_PROC_BIND",
  "OMP_SCHEDULE",
  "ONEDNN_MAX_CPU_ISA",
  "OPENBLAS_NUM_THREADS",
  "PYTHONHASHSEED",
  "PYTORCH_ALLOC_CONF",
  "PYTORCH_CUDA_ALLOC_CONF",
  "PYTORCH_ENABLE_MPS_FALLBACK",
  "PYTORCH_NO_CUDA_MEMORY_CACHING",
  "TOKENIZERS_PARALLELISM",
  "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
  "TRANSFORMERS_OFFLINE",
] as const;

/** @param environment as a worker sees it */
export function recordedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    recordedVariables.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
