#!/usr/bin/env bash
# Does all the set-up and runs the main job on a small corpus: synthetic speech -> embeddings -> auto-encoder.
#
#   tools/demo.sh        everything it makes lies in build/demo
#
# BALR_DEMO_RANKS   MPI ranks (2)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
ranks=${BALR_DEMO_RANKS:-2}

balr_setup --demo
balr_say "building"
balr_build -DBALR_BUILD_TESTS="${BALR_DEMO_TESTS:-OFF}" -DBALR_BUILD_BENCH=OFF
balr="$balr_root/build/balr"
demo="$balr_root/build/demo"
run=(mpirun -n "$ranks" --oversubscribe --bind-to none "$balr")
mkdir -p "$demo"

balr_say "making the corpus (24 voices x 24 sentences, espeak-ng)"
"$balr_root/tools/make_demo_corpus.sh" "$demo/corpus"

# The real speaker model where the network allows; its hash is that of the revision named here.
hub=${HF_ENDPOINT:-https://huggingface.co}
revision=f0c48c298fd835726c27956a5d617bad7115627e
sha256=9872b375f2c6a3851ca471cbbf59e06efd23a627d78bf5872e1f0269fd298449
real="$demo/wespeaker-voxceleb-resnet34-LM"
fetch() { curl -fsSL --connect-timeout 5 --max-time 120 -o "$real/$1.tmp" "$hub/Wespeaker/wespeaker-voxceleb-resnet34-LM/resolve/$revision/$1"; }
model=$demo/random-resnet34
if [ ! -e "$real/avg_model.pt" ] && [ ! -e "$model/avg_model.pt" ]; then
  mkdir -p "$real"
  if fetch config.yaml 2>/dev/null && fetch avg_model.pt 2>/dev/null &&
    echo "$sha256  $real/avg_model.pt.tmp" | sha256sum -c --quiet >/dev/null 2>&1; then
    mv "$real/config.yaml.tmp" "$real/config.yaml"
    mv "$real/avg_model.pt.tmp" "$real/avg_model.pt"
  else
    rm -rf "$real"
    balr_say "the speaker model cannot be downloaded here: making a RANDOM one (its embeddings mean nothing)"
    "$balr" model init "$model" --audio "$demo/corpus/val.csv"
  fi
fi
[ -e "$real/avg_model.pt" ] && model=$real

for set in train val; do
  balr_say "extracting the embeddings of $set.csv on $ranks ranks"
  begin=$(date +%s.%N)
  "${run[@]}" extract --save-dir "$demo/embeddings-$set" --save-output "$demo/corpus/$set.csv" \
    "embeddings.model.model_repo=$model" embeddings.model.model_name=avg_models
  seconds[$([ $set = val ] && echo 1 || echo 0)]=$(awk -v b="$begin" -v e="$(date +%s.%N)" 'BEGIN {printf "%.1f", e - b}')
done

balr_say "training the auto-encoder on $ranks ranks"
"${run[@]}" train --save-dir "$demo/train/mse" "$demo/corpus/train.csv" "$demo/corpus/val.csv" trainer.epochs=30 \
  'trainer.losses=[mse]' data.N_classes_per_batch=8 data.M_samples_per_class=16 data.batch_size=128

history="$demo/train/mse/history.csv"
rows=$(($(wc -l <"$demo/corpus/train.csv") + $(wc -l <"$demo/corpus/val.csv") - 2))
loss() { awk -F, -v at="$1" 'NR == 1 {for (i = 1; i <= NF; ++i) if ($i == "train/MSE") c = i} NR == 2 && at == "first" || NR > 1 && at == "last" {v = $c} END {print v}' "$history"; }
cat <<END

== summary
   rows extracted     $rows in ${seconds[0]} + ${seconds[1]} s ($(awk -v n="$rows" -v a="${seconds[0]}" -v b="${seconds[1]}" 'BEGIN {printf "%.1f", n / (a + b)}') rows/s; 0 s means: it was there already)
   speaker model      $model$([ "$model" = "$real" ] || echo "   (RANDOM weights: nothing here tells speakers apart)")
   training MSE       first epoch $(loss first), last epoch $(loss last)
   made               $demo/embeddings-train/embeddings.h5, $demo/embeddings-val/embeddings.h5
                      $demo/train/mse/best.pt, last.pt, history.csv
   next               $BALR_DEPS/torch-$balr_torch_version/bin/python -m tensorboard.main --logdir $demo/train/mse   (after tools/setup.sh --tests)
                      build/balr extract --help
END
