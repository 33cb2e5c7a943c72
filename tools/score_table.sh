#!/usr/bin/env bash
# From speech to likelihood ratios, once for each scorer: extract, train, binarize, score train, score test; prints a table
# of EER and CLLR. What is there already from an earlier call is not made again.
#
#   tools/score_table.sh [options]
#
#   --csv FILE       speech with the columns id, audio, speaker (no quoted cells); every second speaker is for testing.
#                    Default: the LibriSpeech sample of $BALR_TEST_DATA
#   --train FILE --test FILE   instead of --csv: two CSVs whose speakers differ
#   --model MODEL    speaker model: a folder, or a repository of the hub that is in the cache; default: RANDOM weights
#   --bae FILE       trained auto-encoder (.pt); default: trained here, on the training part
#   --work DIR       where everything is put (build/score-table)
#   --ranks N        MPI ranks (2)
#   --balr PROGRAM   (build/balr)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
csv='' train='' test='' model='' bae='' work=$root/build/score-table ranks=2 balr=$root/build/balr
while [ $# -gt 0 ]; do
  case $1 in
    --csv) csv=$2 ;;
    --train) train=$2 ;;
    --test) test=$2 ;;
    --model) model=$2 ;;
    --bae) bae=$2 ;;
    --work) work=$2 ;;
    --ranks) ranks=$2 ;;
    --balr) balr=$2 ;;
    *)
      sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "$0"
      exit 2
      ;;
  esac
  shift 2
done
run() { mpirun -n "$ranks" --oversubscribe --bind-to none "$balr" "$@"; }
mkdir -p "$work"
work=$(cd "$work" && pwd)

# Every second speaker, in the order of their names, is for testing.
split() {
  awk -F, -v part="$1" '
    { sub(/\r$/, "") }
    NR == FNR && FNR == 1 { for (i = 1; i <= NF; ++i) if ($i == "speaker") c = i
      if (!c) { print "no column speaker" > "/dev/stderr"; exit 1 } next }
    NR == FNR { if (!($c in seen)) { seen[$c] = 1; names[++n] = $c } next }
    FNR == 1 { for (i = 2; i <= n; ++i) for (j = i; j > 1 && names[j] < names[j - 1]; --j) { t = names[j]; names[j] = names[j - 1]; names[j - 1] = t }
      for (i = 1; i <= n; ++i) of[names[i]] = i % 2 ? "train" : "test"
      print; next }
    of[$c] == part' "$2" "$2"
}
root_dir=()
if [ -z "$train" ]; then
  [ -n "$csv" ] || csv=${BALR_TEST_DATA:+$BALR_TEST_DATA/data/librispeech/all.csv}
  [ -n "$csv" ] || { echo "give --csv, or --train and --test" >&2 && exit 2; }
  for part in train test; do split $part "$csv" >"$work/$part.csv"; done
  root_dir=(--root-dir "$(cd "$(dirname "$csv")" && pwd)")
  train=$work/train.csv test=$work/test.csv
fi

weights="speaker model $model"
if [ -z "$model" ]; then
  weights="RANDOM speaker model: the figures say nothing about speakers"
  model=$work/random-resnet34
  [ -e "$model/avg_model.pt" ] || "$balr" model init "$model" --audio "${csv:-$train}" >&2
fi
for part in train test; do
  run extract --save-dir "$work/embeddings-$part" "${root_dir[@]}" "${!part}" "embeddings.model.model_repo=$model" >&2
done
if [ -z "$bae" ]; then
  speakers=$(cut -d, -f"$(head -1 "$train" | tr , '\n' | grep -nx speaker | cut -d: -f1)" "$train" | tail -n +2 | sort -u | wc -l)
  classes=$((speakers < 32 ? speakers : 32))
  run train --save-dir "$work/bae" "$work/embeddings-train" "$work/embeddings-train" trainer.epochs=200 'trainer.losses=[mse]' \
    data.N_classes_per_batch=$classes data.M_samples_per_class=16 data.batch_size=$((16 * classes)) >&2
  bae=$work/bae/best.pt
fi
for part in train test; do
  run binarize --save-dir "$work/attributes-$part" "$work/embeddings-$part" "encoder.model.checkpoint_path=$bae" >&2
done
"$balr" trials "$work/embeddings-test" --all --out "$work/trials.tsv" --force >&2

# A figure of metrics.json, which has one a line; the first, as intervals have the same names further down.
figure() {
  sed -n "s/^ *\"$2\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" "$1" |
    awk 'NR == 1 { if ($1 ~ /^[-+0-9.eE]+$/) printf "%.4f", $1; else printf "%s", $1 }'
}
line() { printf '| %s | %s | %s | %s |\n' "$1" "$(figure "$2/metrics.json" EER)" "$(figure "$2/metrics.json" CLLR)" "$(figure "$2/metrics.json" CLLR_min)"; }
table=$work/table.md
{
  echo "| scorer | EER | CLLR | CLLR_min |"
  echo "| --- | --- | --- | --- |"
} >"$table"
score() { run score test --exist-ok --save-dir "$work/score-$1" "${@:2}" >&2; }
score embedding_cosine "$work/embeddings-test" "$work/trials.tsv" scorer=embedding_cosine
line "cosine of embeddings" "$work/score-embedding_cosine" >>"$table"
score cosine "$work/attributes-test" "$work/trials.tsv" scorer=cosine
line "attributes, cosine" "$work/score-cosine" >>"$table"
for scorer in beta dna speech maxllr; do
  run score train --exist-ok --save-dir "$work/scorer-$scorer" "$work/attributes-train" "scorer=$scorer" >&2
  score $scorer "$work/attributes-test" "$work/trials.tsv" "scorer=$scorer" "scorer.checkpoint_path=$work/scorer-$scorer/scorer.pt"
  line "attributes, $scorer" "$work/score-$scorer" >>"$table"
done

echo
echo "$weights; $(($(wc -l <"$train") - 1)) recordings to fit, $(($(wc -l <"$test") - 1)) in $(($(wc -l <"$work/trials.tsv") - 1)) trials"
echo
cat "$table"
