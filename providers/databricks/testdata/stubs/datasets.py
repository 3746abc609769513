def load_dataset(kind, data_files):
    return data_files
