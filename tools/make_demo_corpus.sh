#!/usr/bin/env bash
# Makes a corpus of synthetic speech with espeak-ng: 24 voices x 24 sentences, 22.05 kHz WAV, with train.csv
# (20 sentences a voice) and val.csv (the other 4).
#
#   tools/make_demo_corpus.sh DIR
set -euo pipefail
dir=${1:?usage: make_demo_corpus.sh DIR}

sentences=(
  "The ship left the harbour before the storm."   "Nobody knew who had opened the window."
  "She counted the coins and smiled."             "A cold wind came down from the hills."
  "Please bring three chairs to the garden."      "The old clock in the hall has stopped."
  "We walked along the river until noon."         "His answer surprised the whole room."
  "Fresh bread is sold on the corner."            "The lamp fell and broke in two."
  "They painted the door a bright green."         "I will call you again on Thursday."
  "The train to the coast was full."              "Her brother repairs violins and clocks."
  "Snow covered the road for nine days."          "The judge listened and said nothing."
  "Two white birds sat upon the roof."            "Put the letter under the blue box."
  "Every child in the village can swim."          "The tall man lost his other shoe."
  "Tea grows well on these slopes."               "My neighbour owns a very loud dog."
  "Light travels faster than any sound."          "The last page of the book was missing."
)
# A voice is an accent, a variant (vocal tract), a pitch and a speed (words a minute).
voices=(
  "en-gb+m1 40 150" "en-gb+m2 30 165" "en-gb+m3 50 175" "en-gb+m4 35 145" "en-gb+f1 60 160" "en-gb+f2 70 170"
  "en-us+m5 45 155" "en-us+m6 28 170" "en-us+m7 55 160" "en-us+m1 62 180" "en-us+f3 65 150" "en-us+f4 75 165"
  "en-gb-scotland+m2 48 150" "en-gb-scotland+m4 58 175" "en-gb-scotland+f5 68 160" "en-gb-scotland+f1 80 155"
  "en-gb-x-rp+m3 33 160" "en-gb-x-rp+m6 43 150" "en-gb-x-rp+f2 55 165" "en-gb-x-rp+f4 85 175"
  "en-029+m7 38 155" "en-029+m5 52 165" "en-029+f3 72 160" "en-029+f5 62 150"
)

mkdir -p "$dir"
echo id,audio,speaker >"$dir/train.csv"
echo id,audio,speaker >"$dir/val.csv"
for v in "${!voices[@]}"; do
  read -r voice pitch speed <<<"${voices[$v]}"
  speaker=$(printf 'voice%02d' "$v")
  mkdir -p "$dir/$speaker"
  for s in "${!sentences[@]}"; do
    name=$(printf '%s/s%02d' "$speaker" "$s")
    [ -s "$dir/$name.wav" ] || espeak-ng -v "$voice" -p "$pitch" -s "$speed" -w "$dir/$name.wav" "${sentences[$s]}"
    list=train
    [ $((s % 6)) -eq 5 ] && list=val
    echo "$name,$name.wav,$speaker" >>"$dir/$list.csv"
  done
done
