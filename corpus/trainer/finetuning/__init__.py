"""GPT-1's fine-tuning: a pre-trained model learns a labelled task (Radford et al. 2018, section 3).

Read in this order: tasks.py (what a row is), inputs.py (the four transforms), encoding.py,
settings.py, batching.py, classifier.py (the model with its new parameters and its loss),
training.py, measures.py, then bases.py and saved.py for the models that go in and come out. The
first five import no torch.
"""
