#!/usr/bin/env python3
"""Make the golden models of the encoders that are not BERT: ModernBERT and its relatives.

  golden_modern.py DIR          (beside those of make_golden.py, whose helpers it uses)
"""
import os, random, shutil, sys, tempfile
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.sentence_transformer.modules.layer_norm import LayerNorm
from transformers import (BertConfig, BertModel, DebertaV2Config, DebertaV2ForSequenceClassification, DistilBertConfig,
                          DistilBertForSequenceClassification, ElectraConfig, ElectraForSequenceClassification, ModernBertConfig,
                          ModernBertForSequenceClassification, ModernBertModel, MPNetConfig, MPNetForSequenceClassification,
                          PreTrainedTokenizerFast)

import make_golden
from make_golden import (SEED, add_cases, bert_tokenizer, edit_json, embedder, logit_of, pair_cases, save, share_case, text, truncate_cases, write_cases,
                         xlmr_tokenizer)


def modern_tokenizer():
    """Byte-level BPE under a BERT template, as of ModernBERT; the types of the template have no table."""
    tk = Tokenizer(models.BPE())
    tk.normalizer = normalizers.NFC()
    tk.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tk.train_from_iterator([text(20) for _ in range(200)], BpeTrainer(vocab_size=380, show_progress=False, initial_alphabet=
                           pre_tokenizers.ByteLevel.alphabet(), special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]))
    tk.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                      special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return tk


def randomize(model, seed, matrices=0.25, words=0.7):
    torch.manual_seed(SEED + seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1 and name.lower().endswith("norm.weight"):
                p.copy_(1 + 0.2 * torch.randn_like(p))
            elif "embeddings" in name and p.dim() == 2:
                p.normal_(0, words)
            else:
                p.normal_(0, matrices if p.dim() == 2 else 0.1)
    return model.eval().float()


def cross_encoder(folder, model, tk, lengths, dtype=torch.float16, use_types=False, config=None):
    """Write a model and its cases; the reference is what its own loader makes of the files."""
    save(folder, model, tk, dtype, **(config or {}))
    model = type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    write_cases(folder, pair_cases(model, tk, lengths, use_types))
    return model


def train(model, tk, steps=200, pad=1):
    """Let a model count words for some seconds.  A random model's logits hardly differ from pair to pair and any
    rounding mixes them; the order of these means something, so that bf16 and int8 can be held to it."""
    torch.set_num_threads(1)
    local, optimizer = random.Random(SEED), torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, step / 30) * (1 - step / steps) + 1e-5
        pairs = [share_case(local) for _ in range(32)]
        ids = [tk.encode(q, d).ids for q, d, _ in pairs]
        longest = max(map(len, ids))
        ids = torch.tensor([i + [pad] * (longest - len(i)) for i in ids])
        loss = ((model(input_ids=ids, attention_mask=(ids != pad).long()).logits[:, 0] - torch.tensor([y for *_, y in pairs])) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    print(f"loss {loss.item():.3f}")
    return model.eval()


def trained(folder, model, tk, use_types=False):
    """A trained model; its cases are those that xlmr-outliers has."""
    model = cross_encoder(folder, train(model, tk), tk, (), use_types=use_types)
    cases, local = [], random.Random(SEED + 2)
    for query, document, _ in (share_case(local) for _ in range(60)):
        e = tk.encode(query, document)
        cases.append(dict(query=query, document=document, logit=float(f"{logit_of(model, e.ids, e.type_ids if use_types else None):.9g}")))
    write_cases(folder, cases)


# ---- ModernBERT ----------------------------------------------------------------------------------

MODERN = dict(hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24, max_position_embeddings=320,
              num_labels=1, pad_token_id=3, cls_token_id=1, sep_token_id=2, bos_token_id=1, eos_token_id=2, attn_implementation="eager")
FOUR = {"layer_types": "DELETE", "rope_parameters": "DELETE", "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0,
        "local_rope_theta": 10000.0}


def modernbert(folder, tk, seed, lengths=make_golden.LENGTHS, config=None, words=0.7, **more):
    options = dict(MODERN, vocab_size=tk.get_vocab_size(), **more)
    model = randomize(ModernBertForSequenceClassification(ModernBertConfig(**options)), seed, words=words)
    return cross_encoder(folder, model, tk, lengths, config=config)


def modernberts(at):
    tk = modern_tokenizer()
    # transformers 4's fields; long enough for places 64 and 65 apart
    model = modernbert(at("modernbert"), tk, 101, lengths=(1, 3, 20, 62, 63, 64, 140, 240), config=dict(FOUR, model_max_length=300))
    add_cases(at("modernbert"), truncate_cases(model, tk, 300, False))
    # transformers 5's fields, layers in another order, a small window, all that can be switched
    ropes = {"full_attention": {"rope_type": "default", "rope_theta": 3000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 50.0}}
    modernbert(at("modernbert-mean"), xlmr_tokenizer(), 102, classifier_pooling="mean", hidden_activation="silu", classifier_activation="relu",
               local_attention=9, layer_types=["sliding_attention", "full_attention", "sliding_attention"], num_hidden_layers=3,
               rope_parameters=ropes)
    modernbert(at("modernbert-biases"), xlmr_tokenizer(), 103, num_attention_heads=1, norm_bias=True, attention_bias=True, mlp_bias=True,
               classifier_bias=True, norm_eps=1e-3, words=0.02, num_hidden_layers=2, local_attention=6, hidden_activation="gelu_pytorch_tanh")
    tk = xlmr_tokenizer()
    config = ModernBertConfig(**dict(MODERN, vocab_size=tk.get_vocab_size(), num_hidden_layers=2, local_attention=8, pad_token_id=1))
    embedder(at("modernbert-embed"), randomize(ModernBertModel(config), 104), tk, True)
    config = ModernBertConfig(**dict(MODERN, vocab_size=tk.get_vocab_size(), pad_token_id=1, num_hidden_layers=3, local_attention=16))
    trained(at("modernbert-trained"), randomize(ModernBertForSequenceClassification(config), 105, matrices=0.15), tk)


# ---- heads made of sentence-transformers' modules ------------------------------------------------

def chain(folder, model, tk, pooling, *modules):
    """What CrossEncoder saves of a bare encoder and modules behind it; the reference is its own predict()."""
    with tempfile.TemporaryDirectory() as bare:
        model.save_pretrained(bare)
        PreTrainedTokenizerFast(tokenizer_object=tk, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>",
                                model_max_length=160).save_pretrained(bare)
        encoder = CrossEncoder(modules=[Transformer(bare), Pooling(32, pooling), *modules], device="cpu")
    for module in modules:
        with torch.no_grad():
            for p in module.parameters():
                p.add_(torch.randn_like(p) * 0.2)
    shutil.rmtree(folder, ignore_errors=True)
    encoder.save_pretrained(folder, create_model_card=False)
    edit_json(folder, "config.json", {})
    edit_json(folder, "config_sentence_transformers.json", {"__version__": "DELETE"})
    cases = []
    for n_query in (1, 5):
        query = text(n_query)
        for document in (text(n) for n in make_golden.LENGTHS):
            logit = encoder.predict([(query, document)], activation_fn=torch.nn.Identity())
            cases.append(dict(query=query, document=document, logit=float(f"{float(logit[0]):.9g}")))
    write_cases(folder, cases)


def chains(at):
    tk = xlmr_tokenizer()
    config = ModernBertConfig(**dict(MODERN, vocab_size=tk.get_vocab_size(), num_hidden_layers=2, local_attention=8))
    chain(at("modernbert-modules"), randomize(ModernBertModel(config), 106), tk, "cls",
          Dense(32, 32, bias=False, activation_function=torch.nn.GELU()), LayerNorm(32),
          Dense(32, 1, activation_function=torch.nn.Identity(), module_output_name="scores"))
    config = BertConfig(**make_golden.SMALL, vocab_size=tk.get_vocab_size(), max_position_embeddings=70)
    chain(at("bert-modules"), randomize(BertModel(config, add_pooling_layer=False), 107), tk, "mean",
          Dense(32, 32, activation_function=torch.nn.Tanh()),
          Dense(32, 1, bias=False, activation_function=torch.nn.Identity(), module_output_name="scores"))


# ---- BERT under other names ----------------------------------------------------------------------

SMALL = dict(num_labels=1, max_position_embeddings=164, attn_implementation="eager")


def relatives(at):
    tk = bert_tokenizer()
    config = DistilBertConfig(**SMALL, vocab_size=tk.get_vocab_size(), dim=32, n_layers=2, n_heads=2, hidden_dim=48)
    cross_encoder(at("distilbert"), randomize(DistilBertForSequenceClassification(config), 110), tk, make_golden.LENGTHS)
    options = dict(SMALL, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48)
    for name, seed, width in (("electra", 111, 32), ("electra-projected", 112, 12)):
        config = ElectraConfig(**options, vocab_size=tk.get_vocab_size(), embedding_size=width)
        cross_encoder(at(name), randomize(ElectraForSequenceClassification(config), seed), tk, make_golden.LENGTHS, use_types=True)
    tk = xlmr_tokenizer()
    config = MPNetConfig(**dict(options, max_position_embeddings=340), vocab_size=tk.get_vocab_size())
    model = cross_encoder(at("mpnet"), randomize(MPNetForSequenceClassification(config), 113), tk, (1, 3, 20, 60, 140, 300))
    add_cases(at("mpnet"), make_golden.padding_cases(model, tk))


# ---- DeBERTa -------------------------------------------------------------------------------------

# as v3's files have it, in the older spelling of pos_att_type
DEBERTA = dict(SMALL, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, type_vocab_size=0,
               position_biased_input=False, relative_attention=True, position_buckets=256, max_relative_positions=-1,
               norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type="p2c|c2p", layer_norm_eps=1e-7)


def deberta(folder, seed, lengths, tk=None, config=None, words=0.7, **more):
    tk = tk or xlmr_tokenizer()
    options = dict(DEBERTA, vocab_size=tk.get_vocab_size(), pad_token_id=1)
    options.update(more)
    model = randomize(DebertaV2ForSequenceClassification(DebertaV2Config(**options)), seed, words=words)
    return cross_encoder(folder, model, tk, lengths, use_types=options["type_vocab_size"] > 0, config=config)


def debertas(at):
    # the published numbers of buckets; texts that reach the last of them and go on
    deberta(at("deberta"), 120, (1, 20, 120, 253, 380, 508, 640), max_position_embeddings=700, max_relative_positions=512,
            config={"pos_att_type": "p2c|c2p"})
    lengths = (1, 3, 20, 60, 150)
    deberta(at("deberta-c2p"), 121, lengths, pos_att_type=["c2p"], position_buckets=8, max_relative_positions=40, norm_rel_ebd="none",
            hidden_act="gelu_new", pooler_hidden_act="tanh", num_attention_heads=1)
    # the defaults of the class: no buckets, positions and types beside them
    deberta(at("deberta-p2c"), 122, lengths, tk=bert_tokenizer(), pos_att_type=["p2c"], position_buckets=-1, position_biased_input=True,
            type_vocab_size=2, max_position_embeddings=170, words=0.01, layer_norm_eps=1e-4)
    deberta(at("deberta-absolute"), 123, (1, 3, 20), tk=bert_tokenizer(), relative_attention=False, position_biased_input=True,
            pos_att_type=["c2p", "p2c"])
    tk = xlmr_tokenizer()
    config = DebertaV2Config(**dict(DEBERTA, num_hidden_layers=3, position_buckets=16, max_relative_positions=64), vocab_size=tk.get_vocab_size(),
                             pad_token_id=1, hidden_dropout_prob=0, attention_probs_dropout_prob=0)
    trained(at("deberta-trained"), randomize(DebertaV2ForSequenceClassification(config), 124, matrices=0.15), tk)


def main():
    make_golden.rng.seed(SEED + 1)
    at = lambda name: os.path.join(sys.argv[1], name)
    modernberts(at)
    chains(at)
    relatives(at)
    debertas(at)


if __name__ == "__main__":
    main()
