"""Files of weights that others published: address, sha256, size, licence, purpose. No hash is made up."""

from dataclasses import dataclass

INSIGHTFACE = "https://github.com/deepinsight/insightface/tree/master/recognition/arcface_torch"
OPEN_SORA_PLAN = "https://huggingface.co/spaces/LanguageBind/Open-Sora-Plan-v1.0.0/resolve"
BULAT = "https://www.adrianbulat.com/downloads/python-fan"
GITHUB = "https://raw.githubusercontent.com"
TDDFA = f"{GITHUB}/cleardusk/3DDFA_V2/1b6c67601abffc1e9f248b291708aef0e43b55ae"
ARRIAGA = f"{GITHUB}/oarriaga/face_classification/b861d21b0e76ca5514cdeb5b56a689b7318584f4"
EMOTION2VEC = "https://huggingface.co/emotion2vec"
VIDEO_MAE = "https://huggingface.co/OpenGVLab/VideoMAE2/resolve/97d119d270aca7a1217fff7f413c0c543eb325d9"
GOOGLE_MODELS = "https://storage.googleapis.com/mediapipe-models"

# The authors' setup.py (av-savchenko/hsemotion 2546ff6) says under which timm the program still loads.
CONVERT_HSEMOTION = (
    'python -c "import torch; '
    "s = torch.load('enet_b0_8_best_vgaf.pt', map_location='cpu', weights_only=False).state_dict(); "
    "s = {k.replace('classifier.0.', 'classifier.'): v for k, v in s.items()}; "
    "torch.save(s, 'hsemotion_b0_8_vgaf.pth')\""
    "  # runs the file's program: in an environment of its own, after pip install torch 'timm==0.9.*'"
)


@dataclass(frozen=True)
class Network:
    """One file of weights. `address` is None for what ships with the package.

    What is not fetched says in `by_hand` how to get it; `convert` is a command that makes `file` of what was
    published, to be run by the user where its comment says, never by us. `sha256` is None where no source
    states it; such a file is used as it is, and a result records the sha256 it had. Of some only the first
    digits are known, from the file's own name. An unknown `size_bytes` is 0.
    """

    name: str
    file: str
    sha256: str | None
    size_bytes: int
    licence: str
    purpose: str
    address: str | None = None
    aliases: tuple[str, ...] = ()
    by_hand: str = ""
    convert: str = ""

    @property
    def how(self) -> str:
        """What to do about a missing file, as part of a line."""
        return self.by_hand or f"run `moee weights fetch {self.name}`"


PUBLISHED = (
    Network(
        name="face_landmarker",
        file="face_landmarker_v2_with_blendshapes.task",
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        size_bytes=3_758_596,
        licence="Apache-2.0",
        purpose="478 face points and 52 blendshapes of real pictures (MediaPipe, Google)",
        address=f"{GOOGLE_MODELS}/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
        aliases=("face_landmarker.task",),
    ),
    # sha256 and size as several public projects pin them; the first eight digits are in the file's own name
    Network(
        name="inception_tf2015",
        file="pt_inception-2015-12-05-6726825d.pth",
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        size_bytes=95_628_359,
        licence="Apache-2.0",
        purpose="the features FID and KID rest on (Inception 2015-12-05, Google; port of pytorch-fid)",
        address="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
        aliases=("weights-inception-2015-12-05-6726825d.pth",),
    ),
    # sha256 and size from the Git LFS pointer of the same path in camenduru/Open-Sora-Plan-v1.0.0-hf a220803
    Network(
        name="i3d_kinetics400",
        file="i3d_pretrained_400.pt",
        sha256="55095f049e706479d48e221adcdb145b2b9dc930ba28b081ed72367ffaa32343",
        size_bytes=50_939_526,
        licence="Apache-2.0",
        purpose="the scores FVD rests on (I3D, Kinetics-400, DeepMind; port of VideoGPT)",
        address=f"{OPEN_SORA_PLAN}/810fa8c4bdb3a4c8eec9bd57375c29bde6fb46de/"
        "opensora/eval/fvd/videogpt/i3d_pretrained_400.pt",
    ),
    # the repository's page tells licence, 2.02 GB and half precision, but no sha256; cd-fvd fetches the same
    # path of OpenGVLab/InternVideoMAE_models
    Network(
        name="videomae2_giant_ssv2",
        file="vit_g_hybrid_pt_1200e_ssv2_ft.pth",
        sha256=None,
        size_bytes=0,
        licence="Apache-2.0",
        purpose="the features content-debiased FVD rests on (VideoMAE v2, ViT-giant on Something-Something "
        "v2, Wang et al. 2023)",
        address=f"{VIDEO_MAE}/mae-g/vit_g_hybrid_pt_1200e_ssv2_ft.pth",
        by_hand="its sha256 is not known: take mae-g/vit_g_hybrid_pt_1200e_ssv2_ft.pth (2 GB) of "
        "OpenGVLab/VideoMAE2 on Hugging Face yourself",
    ),
    # the addresses stand in torchvision; sha256 and size as several public projects pin them, the first eight
    # digits are in the files' own names; torchvision's code is BSD-3, of the weights nothing is said
    Network(
        name="lpips_alexnet",
        file="alexnet-owt-7be5be79.pth",
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        size_bytes=244_408_911,
        licence="not stated",
        purpose="the trunk of LPIPS, `moee evaluate --lpips` (AlexNet, torchvision)",
        address="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    ),
    Network(
        name="lpips_vgg16",
        file="vgg16-397923af.pth",
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        size_bytes=553_433_881,
        licence="not stated",
        purpose="the trunk of LPIPS (VGG), `moee evaluate --lpips-vgg` (VGG-16, torchvision)",
        address="https://download.pytorch.org/models/vgg16-397923af.pth",
    ),
    # sha256 and size as several public projects pin them; the code is MIT, of the weights nothing is said
    Network(
        name="syncnet_v2",
        file="syncnet_v2.model",
        sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
        size_bytes=54_573_114,
        licence="not stated",
        purpose="lips and speech in time, for Sync-C and Sync-D (SyncNet v2, Chung & Zisserman 2016)",
        address="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
    ),
    # sha256 of the files in cleardusk/3DDFA_V2 1b6c676
    Network(
        name="3ddfa_v2_mb05",
        file="mb05_120x120.pth",
        sha256="f93ed7f1c4c0382b16d7c18480a5f67473c1917a47475a9823924f38aeb27280",
        size_bytes=3_752_462,
        licence="MIT",
        purpose="expression coefficients for E-FID, and head pose (3DDFA_V2, MobileNet 0.5, Guo et al. 2020)",
        address=f"{TDDFA}/weights/mb05_120x120.pth",
    ),
    # made by numpy.savez(file, mean=..., std=...) from the authors' pickle, which is never read here
    Network(
        name="3ddfa_v2_mean_std",
        file="param_mean_std_62d_120x120.npz",
        sha256="0d388ea967886499f2f9c1073c44312ae0b4f73817a17ea83ee353f4ece0c52e",
        size_bytes=996,
        licence="MIT",
        purpose="what 3DDFA_V2's 62 outputs are scaled and shifted by",
        address=f"{TDDFA}/configs/param_mean_std_62d_120x120.pkl",
        by_hand="numpy.savez(file, mean=..., std=...) of the two arrays in the authors' "
        "param_mean_std_62d_120x120.pkl gives it byte by byte",
    ),
    # sha256 of the file in oarriaga/face_classification b861d21
    Network(
        name="fer2013_mini_xception",
        file="fer2013_mini_XCEPTION.102-0.66.hdf5",
        sha256="59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e",
        size_bytes=872_856,
        licence="MIT",
        purpose="seven emotions of a face (mini-Xception on FER-2013, Arriaga et al. 2017)",
        address=f"{ARRIAGA}/trained_models/emotion_models/fer2013_mini_XCEPTION.102-0.66.hdf5",
    ),
    Network(
        name="opengraphau_resnet50",
        file="OpenGprahAU-ResNet50_second_stage.pth",
        sha256=None,
        size_bytes=0,
        licence="MIT",
        purpose="27 action units (OpenGraphAU, ResNet-50, second stage, Luo et al. 2022)",
        address="https://drive.google.com/file/d/1UMnpbj_YKlqHF1m0DHV0KYD3qmcOmeXp",
        by_hand="take it from the table of models in CVI-SZU/ME-GraphAU, OpenGraphAU/README.md, stage 2",
    ),
    Network(
        name="hsemotion_b0_8_vgaf",
        file="hsemotion_b0_8_vgaf.pth",
        sha256=None,
        size_bytes=0,
        licence="Apache-2.0",
        purpose="eight emotions of a face (HSEmotion, EfficientNet-B0 on AffectNet, Savchenko 2022)",
        address="https://github.com/HSE-asavchenko/face-emotion-recognition/blob/main/models/affectnet_emotions/"
        "enet_b0_8_best_vgaf.pt",
        by_hand="enet_b0_8_best_vgaf.pt holds a program: convert it yourself, by the command that "
        "`moee weights list hsemotion_b0_8_vgaf` prints",
        convert=CONVERT_HSEMOTION,
    ),
    # of the sha256 the first ten digits are in the files' own names
    Network(
        name="fan_2d",
        file="2DFAN4-11f355bf06.pth.tar",
        sha256="11f355bf06",
        size_bytes=0,
        licence="not stated",
        purpose="68 landmarks, for AKD and LMD (2D-FAN-4 of face-alignment, Bulat & Tzimiropoulos 2017)",
        address=f"{BULAT}/2DFAN4-11f355bf06.pth.tar",
    ),
    Network(
        name="s3fd",
        file="s3fd-619a316812.pth",
        sha256="619a316812",
        size_bytes=0,
        licence="not stated",
        purpose="face boxes for FAN (S3FD of face-alignment, Zhang et al. 2017)",
        address=f"{BULAT}/s3fd-619a316812.pth",
    ),
    # one file for each set of people and depth, all of them called backbone.pth
    *(
        Network(
            name=f"arcface_{people}_{layers}",
            file=f"arcface_{people}_{layers}.pth",
            sha256=None,
            size_bytes=0,
            licence="non-commercial research",
            purpose=f"identity, for CSIM (ArcFace {layers} of {people}, Deng et al. 2019)",
            address=INSIGHTFACE,
            by_hand=f"take backbone.pth of {folder} in arcface_torch's model zoo",
        )
        for people, layers, folder in (
            ("ms1mv3", "r50", "ms1mv3_arcface_r50_fp16"),
            ("ms1mv3", "r100", "ms1mv3_arcface_r100_fp16"),
            ("glint360k", "r50", "glint360k_cosface_r50_fp16_0.1"),
            ("glint360k", "r100", "glint360k_cosface_r100_fp16_0.1"),
        )
    ),
    # sha256 from the file's page at that revision, size as others measured it; the pages name FunASR's model
    # licence 1.1 (use and share with source and name kept), ModelScope's page of plus_large Apache-2.0
    Network(
        name="emotion2vec_base",
        file="emotion2vec_base/emotion2vec_base.pt",
        sha256="4f14ddf7ba394bcafdd4bff6ae0f24ab2e4134260d4dd42c58ea791a201b02dd",
        size_bytes=1_125_606_009,
        licence="FunASR model licence 1.1",
        purpose="emotion in speech, as `folder` of SpeechEmotionEncoder (emotion2vec, Ma et al. 2023)",
        address=f"{EMOTION2VEC}/emotion2vec_base/resolve/5e05b4938a819f0e267f187ad94557b6f925e044/"
        "emotion2vec_base.pt",
    ),
    # of plus_large several public projects pin sha256 and size; of the others no source tells them
    *(
        Network(
            name=name,
            file=f"{name}/model.pt",
            sha256=sha256,
            size_bytes=size,
            licence="FunASR model licence 1.1",
            purpose="emotion in speech, tuned to nine classes, as `folder` of SpeechEmotionEncoder",
            address=f"{EMOTION2VEC}/{name}",
            by_hand=f"take config.yaml and model.pt of emotion2vec/{name} on Hugging Face into one folder",
        )
        for name, sha256, size in (
            ("emotion2vec_plus_seed", None, 0),
            ("emotion2vec_plus_base", None, 0),
            (
                "emotion2vec_plus_large",
                "be501a01f26fcdc7663a062dff86af839afbaef7c4de32f5e42d7e1ad2784da4",
                1_945_790_254,
            ),
        )
    ),
    # sha256 and size stand in no source that could be read; the repository holds the file (git blob 6833bfdc)
    Network(
        name="emonet8",
        file="emonet_8.pth",
        sha256=None,
        size_bytes=0,
        licence="CC BY-NC-ND 4.0, non-commercial",
        purpose="eight emotions of a face (EmoNet on AffectNet, Toisoul et al. 2021)",
        address=f"{GITHUB}/face-analysis/emonet/49eef301513686d6cfd8304682d3ba7216baf398/pretrained/emonet_8.pth",
        by_hand="its sha256 is not known: take pretrained/emonet_8.pth of face-analysis/emonet on GitHub "
        "yourself, if its non-commercial licence suits you",
    ),
)
